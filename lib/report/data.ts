/**
 * What the report shows, as plain data: the rooms that make a run fill it in, the sections read it.
 * Everything a run may lack (labels, truth for depth, an end) is optional here, and each section
 * leaves itself out where it has nothing to show.
 *
 * @module
 */

import type { DepthScore } from "../depth/metrics.ts";
import type { Picture } from "./pictures.ts";

/** See the module's comment. */
export interface ReportData {
  /** The run's folder, which is its name. */
  readonly title: string;
  readonly status: RunStatus;
  /** Lines of metrics.jsonl. */
  readonly metrics: readonly LoggedStep[];
  /** K; the contrastive loss of a network that tells nothing apart is log K. */
  readonly prototypes: number;
  /** The run whose depth network was taken instead of training one. */
  readonly depthRun?: string;
  readonly scores?: ReportScores;
  readonly depth?: ReportDepth;
  /** Share of pixels that are of their region's most frequent class, 0..1. */
  readonly regionPurity?: number;
  readonly stages: readonly StageExample[];
  readonly segmentations: readonly SegmentationExample[];
  /** What the colours of the segmentations mean. */
  readonly legend: readonly LegendEntry[];
  /** Name and value, in order. */
  readonly environment: readonly (readonly [string, string])[];
  /** The run's resolved settings, as config.json has them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The command that repeats the run from its beginning. */
  readonly command: string;
}

/** How far a run came. */
export interface RunStatus {
  /** The stage that it finished with, or was interrupted in. */
  readonly stage: "depth" | "pretrain";
  readonly completed: number;
  readonly steps: number;
  /** The command that goes on with an interrupted run; absent once it is finished. */
  readonly resume?: string;
  /** Of the process that wrote the report. */
  readonly seconds?: number;
}

/** One line of metrics.jsonl. */
export interface LoggedStep {
  readonly stage: string;
  readonly step: number;
  readonly [name: string]: number | string;
}

/** Agreement with labels; fractions 0..1. */
export interface ReportScores {
  /** The frames that are scored, in words. */
  readonly scoredOn: string;
  readonly miou: number;
  readonly accuracy: number;
  /** mIoU of the same network untrained, and of k-means on colour and position. */
  readonly untrained: number;
  readonly colour: number;
  /** `colour` is CSS. */
  readonly classes: readonly { readonly name: string; readonly colour: string }[];
  /** IoU per class, NaN for a class that occurs nowhere. */
  readonly perClass: readonly number[];
  /** `[C][C]` pixels, row = label, column = prediction. */
  readonly confusion?: readonly (readonly number[])[];
}

/** Estimated depth against truth, beside the best constant. */
export interface ReportDepth {
  readonly estimated: DepthScore;
  readonly constant: DepthScore;
}

/** A training frame on its way through the stages. */
export interface StageExample {
  readonly name: string;
  readonly frame: Picture;
  readonly depth: Picture;
  readonly regions: Picture;
  readonly regionCount: number;
  /** The mixed image whose background the frame is. */
  readonly mixed?: Picture;
}

/** A frame and what lies over it; all pictures are of one size. */
export interface SegmentationExample {
  readonly name: string;
  readonly frame: Picture;
  readonly predicted: Picture;
  readonly labels?: Picture;
  readonly mistakes?: Picture;
}

/** A colour and what it stands for; `colour` is CSS. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
}

/** Names of the stages as people read them. */
export const STAGE_NAMES = { depth: "depth", pretrain: "contrastive" } as const;
