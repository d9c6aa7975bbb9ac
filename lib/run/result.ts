/**
 * What a pretraining run answers, as JSON and as a table.
 *
 * @module
 */

import { join } from "@std/path";
import type { Split } from "../data/dataset.ts";
import type { DepthScore } from "../depth/metrics.ts";
import type { Evaluation } from "./evaluate_stage.ts";
import { percent } from "../report/words.ts";
import { textTable } from "./table.ts";

/** The JSON object of `pretrain --json`; fractions are 0..1. */
export interface PretrainResult {
  readonly run: string;
  readonly device: string;
  readonly steps: number;
  readonly seconds: number;
  readonly loss?: number;
  /** Which frames are scored; "train": those that were trained on, without their labels. */
  readonly split?: Split;
  /** Absent where the data has no labels, as all scores are. */
  readonly miou?: number;
  readonly accuracy?: number;
  readonly perClass?: Readonly<Record<string, number>>;
  readonly randomInitMiou?: number;
  readonly colourKmeansMiou?: number;
  /** `[C][C]` pixels of the test set, row = label, column = prediction, in the order of `perClass`. */
  readonly confusion?: readonly (readonly number[])[];
  readonly depth?: {
    readonly absRel?: number;
    readonly constantAbsRel?: number;
    /** All measures, and those of the best constant depth. */
    readonly score?: DepthScore;
    readonly constant?: DepthScore;
    readonly regionPurity?: number;
  };
}

/** The scores of an evaluation as fields of the result. */
export function evaluationFields(evaluation: Evaluation, classes: readonly string[]) {
  const { score } = evaluation.trained;
  return {
    miou: score.miou,
    accuracy: score.accuracy,
    perClass: Object.fromEntries(classes.map((name, id) => [name, score.perClass[id]])),
    randomInitMiou: evaluation.untrained.miou,
    colourKmeansMiou: evaluation.colour.miou,
    confusion: classes.map((_, row) => [
      ...score.confusion.subarray(row * classes.length, (row + 1) * classes.length),
    ]),
  };
}

/** The scores of depth as fields of the result. */
export function depthFields(scores: { score: DepthScore; constant: DepthScore } | undefined) {
  if (!scores) return undefined;
  const { score, constant } = scores;
  return { absRel: score.absRel, constantAbsRel: constant.absRel, score, constant };
}

/** The frames of a split in words. */
export function scoredOn(split: Split = "train"): string {
  return split === "train" ? "the frames that were trained on" : `${split} frames`;
}

/** The summary that a run ends with. */
export function resultTable(result: PretrainResult): string {
  const rows: string[][] = [];
  if (result.miou !== undefined) {
    rows.push(["mIoU, features of this run", percent(result.miou)]);
    rows.push(["mIoU, same network untrained", percent(result.randomInitMiou)]);
    rows.push(["mIoU, k-means on colour and position", percent(result.colourKmeansMiou)]);
    rows.push(["pixel accuracy", percent(result.accuracy)]);
    rows.push(["scored on", scoredOn(result.split)]);
  } else {
    rows.push(["scores", "none, the data has no labels"]);
    rows.push(["contrastive steps", String(result.steps)]);
    rows.push(["contrastive loss", result.loss?.toFixed(3) ?? "-"]);
  }
  for (const [name, value] of Object.entries(result.perClass ?? {})) {
    rows.push([`  IoU ${name}`, percent(value)]);
  }
  const { depth } = result;
  if (depth?.absRel !== undefined) {
    rows.push(["depth abs_rel (median-scaled)", depth.absRel.toFixed(3)]);
    rows.push(["depth abs_rel of a constant", depth.constantAbsRel!.toFixed(3)]);
  }
  if (depth?.regionPurity !== undefined) {
    rows.push(["region purity", percent(depth.regionPurity)]);
  }
  rows.push(["seconds", result.seconds.toFixed(0)]);
  rows.push(["report", join(result.run, "report.html")]);
  return textTable(["what", "value"], rows);
}
