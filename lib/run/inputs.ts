/**
 * The frames that a run works on: the embedded scenes, folders, or several of them.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { openDataset } from "../data/open.ts";
import { readFrames } from "../data/read_ahead.ts";
import { streetScenes, type StreetSplit } from "../data/street/scenes.ts";
import { ConfigError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";
import type { Preset } from "./presets.ts";
import type { Progress } from "./progress.ts";

/** What `--data` says for the embedded scenes. */
export const SCENES = "scenes";

/** Assumed where a dataset tells no intrinsics: a field of view of about 60 degrees across. */
const TYPICAL_FOCAL = 0.85;

/** A dataset with all its frames in memory at the working size. */
export interface LoadedDataset {
  readonly dataset: Dataset;
  readonly frames: readonly Frame[];
}

/** The embedded scenes of a split, as many as the preset says. */
export function scenesOf(preset: Preset, split: StreetSplit, seed = 0): Dataset {
  const { trainSequences, trainFrames, fps, validationSequences, testSequences } = preset.scenes;
  const sequences =
    { train: trainSequences, validation: validationSequences, test: testSequences }[split];
  return streetScenes({
    seed,
    split,
    sequences,
    framesPerSequence: split === "train" ? trainFrames : 1,
    fps,
  });
}

/** Opens one `--data`; the split counts where the path stands for a dataset with several. */
export async function openInput(
  path: string,
  preset: Preset,
  split: StreetSplit = "train",
): Promise<Dataset> {
  return path === SCENES ? scenesOf(preset, split) : await openDataset(path, { split });
}

/** Reads every frame of a dataset at the preset's size. */
export async function loadDataset(
  dataset: Dataset,
  preset: Preset,
  progress: Progress,
): Promise<LoadedDataset> {
  const size = { height: preset.height, width: preset.width };
  const frames: Frame[] = [];
  for await (const frame of readFrames(dataset, dataset.frames.keys(), size)) {
    frames.push(frame);
    progress.update(`frames (${dataset.name})`, frames.length, dataset.frames.length);
  }
  return { dataset, frames };
}

/** The intrinsics of a frame, or typical ones of a dash camera. */
export function intrinsicsFor(frame: Frame): Intrinsics {
  if (frame.intrinsics) return frame.intrinsics;
  const aspect = frame.width / frame.height;
  return { fx: TYPICAL_FOCAL, fy: TYPICAL_FOCAL * aspect, cx: 0.5, cy: 0.5 };
}

/** A frame whose depth is learnt from two others, given by their offsets. */
export interface DepthTarget {
  /** Its index among the frames. */
  readonly target: number;
  /** From its index to those of the two others. */
  readonly offsets: readonly [number, number];
}

/**
 * The targets of depth training: the frames that have both neighbours in their video, and with `ends`
 * also the first and the last of each, which see two frames to one side.
 *
 * @throws {ConfigError} when no video has three frames.
 */
export function depthTargets(frames: readonly Frame[], ends: boolean): DepthTarget[] {
  const wishes: (readonly [number, number])[] = ends ? [[-1, 1], [1, 2], [-1, -2]] : [[-1, 1]];
  const targets = frames.flatMap(({ sequence }, target) => {
    const within = ([a, b]: readonly [number, number]) =>
      [a, b].every((offset) => frames[target + offset]?.sequence === sequence);
    const offsets = wishes.find(within);
    return offsets ? [{ target, offsets }] : [];
  });
  if (targets.length > 0) return targets;
  throw new ConfigError(
    "Cannot train depth: expected three frames in a row of one video, got none; add video or use --depth-run",
  );
}
