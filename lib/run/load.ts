/**
 * The networks of a run, ready to predict.
 *
 * @module
 */

import type { DepthTrainer } from "../depth/trainer.ts";
import { CheckpointError } from "../errors.ts";
import type { Pretrainer } from "../pretrain/pretrainer.ts";
import { depthOfRun } from "./depth_stage.ts";
import { featuresOfRun } from "./features.ts";
import { readRun } from "./storage/run_folder.ts";

/** Settings of {@linkcode loadDepth} and {@linkcode loadFeatures}. */
export interface LoadOptions {
  /** Told of damaged checkpoints that are passed over; `console.error` by default. */
  readonly warn?: (line: string) => void;
}

/**
 * The depth and pose networks of a run's newest checkpoint, or of the run that it took them from. Call
 * {@linkcode useDevice} first, and `dispose()` of what comes back in the end.
 *
 * @param run The folder that `pretrain` or `depth` wrote.
 * @throws {CheckpointError} when it holds none.
 */
export async function loadDepth(
  run: string,
  { warn = console.error }: LoadOptions = {},
): Promise<DepthTrainer> {
  const { depthRun = run } = await readRun(run);
  return await depthOfRun(depthRun, warn);
}

/**
 * The features of a run's newest checkpoint. Call {@linkcode useDevice} first, and `dispose()` of what comes back in
 * the end.
 *
 * @example
 * ```ts
 * import { loadFeatures, openDataset, PRESETS, readFrames, useDevice } from "@cpcdr/cpcdr";
 *
 * export async function segment(run: string, folder: string): Promise<readonly Int32Array[]> {
 *   await useDevice("auto");
 *   const dataset = await openDataset(folder);
 *   const frames = await Array.fromAsync(readFrames(dataset, dataset.frames.keys(), PRESETS.tiny));
 *   const features = await loadFeatures(run);
 *   return await features.assign(frames); // The nearest prototype of each pixel.
 * }
 * ```
 *
 * @param run The folder that `pretrain` wrote.
 * @throws {CheckpointError} when it holds none.
 */
export async function loadFeatures(
  run: string,
  { warn = console.error }: LoadOptions = {},
): Promise<Pretrainer> {
  const features = await featuresOfRun(run, await readRun(run), warn);
  if (features) return features;
  throw new CheckpointError(
    `Cannot load the features of ${run}: expected a checkpoint of pretrain, got none; run pretrain first`,
  );
}
