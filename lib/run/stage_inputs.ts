/**
 * What the training stages are fed, made of frames in memory.
 *
 * @module
 */

import type { DepthBatch } from "../depth/augmentation.ts";
import type { MixSource } from "../mix/paste.ts";
import { randomStream } from "../random.ts";
import type { DepthMap, Frame, RegionMap } from "../records.ts";
import { type DepthTarget, intrinsicsFor } from "./inputs.ts";

/**
 * The frames of one step of depth training; which ones depends on seed and step alone.
 *
 * @param frames All of one size, as `depthTargets` got them.
 * @param count B, targets drawn for the step.
 * @example
 * ```ts
 * import { depthBatch, depthTargets, readFrames, streetScenes } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 3 });
 * const size = { height: 64, width: 128 };
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
 * const batch = depthBatch(frames, depthTargets(frames, true), 4, 0, 0);
 * assertEquals(batch.target.length, 4 * 64 * 128 * 3);
 * ```
 */
export function depthBatch(
  frames: readonly Frame[],
  targets: readonly DepthTarget[],
  count: number,
  seed: number,
  step: number,
): DepthBatch {
  const random = randomStream(seed, "depth", "batch", step);
  return stackTargets(frames, Array.from({ length: count }, () => random.pick(targets)));
}

/** Targets with their sources as one batch. */
export function stackTargets(
  frames: readonly Frame[],
  chosen: readonly DepthTarget[],
): DepthBatch {
  const count = chosen.length;
  const { height, width } = frames[0];
  const stack = (indices: readonly number[]) => {
    const pixels = new Uint8Array(count * height * width * 3);
    indices.forEach((index, i) => pixels.set(frames[index].rgb, i * height * width * 3));
    return pixels;
  };
  const source = (k: 0 | 1) => stack(chosen.map(({ target, offsets }) => target + offsets[k]));
  const offset = (k: 0 | 1) => chosen.map(({ offsets }) => offsets[k]);
  return {
    count,
    height,
    width,
    target: stack(chosen.map(({ target }) => target)),
    sources: [source(0), source(1)],
    offsets: [offset(0), offset(1)],
    intrinsics: chosen.map(({ target }) => intrinsicsFor(frames[target])),
  };
}

/** A frame, its depth and its regions as one image that takes part in the mixing; arrays are shared. */
export function mixSource(frame: Frame, depth: DepthMap, regions: RegionMap): MixSource {
  const { height, width, rgb } = frame;
  // Rows are counted from the centre of the first; the principal point, from its upper edge.
  const horizon = intrinsicsFor(frame).cy * height - 0.5;
  return { height, width, rgb, depth, regions, horizon };
}
