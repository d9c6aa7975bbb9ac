/**
 * The depth stage of a run: trains the networks, or takes them from another run, and predicts.
 *
 * @module
 */

import {
  constantDepthMetrics,
  depthMetrics,
  type DepthScore,
  hasDepth,
  meanDepthScore,
} from "../depth/metrics.ts";
import { DepthTrainer } from "../depth/trainer.ts";
import { CheckpointError } from "../errors.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { DepthMap, Frame } from "../records.ts";
import { readBackbone } from "./storage/backbone_file.ts";
import { loadCheckpoint, saveCheckpoint } from "./storage/checkpoint.ts";
import { depthTargets, intrinsicsFor } from "./inputs.ts";
import { depthFolder, readRun, type RunConfig } from "./storage/run_folder.ts";
import { writeStoppedReport } from "./run_report.ts";
import { type Session, trainStage } from "./session.ts";
import { depthBatch } from "./stage_inputs.ts";

/** A trained depth network and what it cost. */
export interface DepthStage {
  readonly trainer: DepthTrainer;
  readonly completed: boolean;
}

/** Trains the depth network of a run, from its newest checkpoint where it has one. */
export async function trainDepth(
  session: Session,
  config: RunConfig,
  frames: readonly Frame[],
): Promise<DepthStage> {
  const { seed, settings } = config;
  const trainer = new DepthTrainer(settings.depth, seed);
  const metadata = depthMetadata(config);
  const folder = depthFolder(session.folder);
  const start = await loadCheckpoint(folder, metadata, session.warn);
  if (start) trainer.import(start.state);
  else if (config.command === "depth" && config.backboneWeights) {
    trainer.importEncoder(await readBackbone(config.backboneWeights));
  }
  const targets = depthTargets(frames, settings.depth.targets === "every");
  const completed = await trainStage(session, {
    stage: "depth",
    steps: settings.depth.steps,
    completed: start?.step ?? 0,
    saveEvery: settings.saveEvery,
    batches: (step) => depthBatch(frames, targets, settings.depth.batchSize, seed, step),
    step: (batch, step) => trainer.step(batch, step),
    save: async (step) =>
      await saveCheckpoint(folder, { step, state: await trainer.export() }, metadata),
  });
  const done = completed >= settings.depth.steps;
  if (!done && config.command === "pretrain") {
    await writeStoppedReport(session, config, { stage: "depth", completed });
  }
  return { trainer, completed: done };
}

/** @throws {CheckpointError} when the run has no finished depth stage. */
export async function depthOfRun(
  folder: string,
  warn: (line: string) => void,
): Promise<DepthTrainer> {
  const config = await readRun(folder);
  const state = await depthStateOfRun(folder, config, warn);
  const trainer = new DepthTrainer(config.settings.depth, config.seed);
  trainer.import(state);
  return trainer;
}

/** What its newest checkpoint holds. @throws {CheckpointError} when there is none. */
export async function depthStateOfRun(
  folder: string,
  config: RunConfig,
  warn: (line: string) => void,
): Promise<StateDict> {
  const start = await loadCheckpoint(depthFolder(folder), depthMetadata(config), warn);
  if (start) return start.state;
  throw new CheckpointError(
    `Cannot take depth from ${folder}: expected a checkpoint in its depth/, got none; train depth there first`,
  );
}

/** What a checkpoint of the depth stage says of itself. */
export function depthMetadata({ preset, settings }: RunConfig): Record<string, string> {
  const { depth, width, decoderWidth, decoderNorm, imageSkip, poseEncoder, learnFocal } =
    settings.depth;
  const extras = (decoderNorm ? " with norm" : "") + (imageSkip ? " with image skip" : "") +
    (poseEncoder === "shared" ? " shared with pose" : "") +
    (learnFocal ? " with focal lengths" : "");
  return {
    stage: "depth",
    preset,
    network: `resnet${depth} width ${width} decoder ${decoderWidth}${extras}`,
  };
}

/** Frames and what the depth network makes of them. */
export interface PredictedFrames {
  /** With the intrinsics that the stage learnt, where it did. */
  readonly frames: readonly Frame[];
  /** Inverse depths. */
  readonly maps: DepthMap[];
}

/** The inverse depths that came with the frames, by another network for instance, where all have one. */
export function givenDepth(frames: readonly Frame[]): DepthMap[] | undefined {
  const maps = frames.flatMap(({ height, width, disparity }) =>
    disparity ? [{ height, width, disparity }] : []
  );
  return maps.length === frames.length ? maps : undefined;
}

/** Inverse depths of all frames. */
export async function predictDepth(
  session: Session,
  trainer: DepthTrainer,
  frames: readonly Frame[],
): Promise<PredictedFrames> {
  const maps: DepthMap[] = [];
  const chunk = 32;
  for (let i = 0; i < frames.length; i += chunk) {
    maps.push(...await trainer.predict(frames.slice(i, i + chunk), { mirror: true }));
    session.progress.update("depth prediction", maps.length, frames.length);
  }
  return { frames: await withLearntIntrinsics(trainer, frames), maps };
}

async function withLearntIntrinsics(
  trainer: DepthTrainer,
  frames: readonly Frame[],
): Promise<readonly Frame[]> {
  if (!trainer.config.learnFocal) return frames;
  const learnt = await trainer.learntIntrinsics(frames.map(intrinsicsFor));
  return frames.map((frame, i) => ({ ...frame, intrinsics: learnt[i] }));
}

/** Scores against truth where frames have it, beside the best constant depth. */
export function scoreDepth(
  maps: readonly DepthMap[],
  frames: readonly Frame[],
): { score: DepthScore; constant: DepthScore } | undefined {
  // A LiDAR may have hit nothing of a small frame.
  const known = frames.flatMap(({ depth: truth }, i) =>
    truth && hasDepth(truth) ? [{ truth, map: maps[i] }] : []
  );
  if (known.length === 0) return undefined;
  return {
    score: meanDepthScore(known.map(({ map, truth }) => depthMetrics(map, truth))),
    constant: meanDepthScore(known.map(({ truth }) => constantDepthMetrics(truth))),
  };
}
