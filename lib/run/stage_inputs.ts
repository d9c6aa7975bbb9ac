/**
 * What the training stages are fed, made of frames in memory.
 *
 * @module
 */

import { checkArray } from "../checks.ts";
import type { DepthBatch } from "../depth/augmentation.ts";
import { ConfigError, DataError } from "../errors.ts";
import { checkSource, type MixSource } from "../mix/paste.ts";
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
 *
 * @throws {ConfigError} when there is no frame or target, a target is none of these frames', or `count` is no whole
 * number above 0.
 * @throws {DataError} when frames differ in size.
 */
export function depthBatch(
  frames: readonly Frame[],
  targets: readonly DepthTarget[],
  count: number,
  seed: number,
  step: number,
): DepthBatch {
  if (targets.length === 0 || !(Number.isSafeInteger(count) && count > 0)) {
    throw new ConfigError(
      `Cannot make a depth batch: expected targets and a whole number of them from 1, got ${targets.length} targets ` +
        `and ${count}; find targets with depthTargets()`,
    );
  }
  const random = randomStream(seed, "depth", "batch", step);
  return stackTargets(frames, Array.from({ length: count }, () => random.pick(targets)));
}

/** Targets with their sources as one batch; errors as {@linkcode depthBatch}. */
export function stackTargets(
  frames: readonly Frame[],
  chosen: readonly DepthTarget[],
): DepthBatch {
  const count = chosen.length;
  if (frames.length === 0 || count === 0) {
    throw new ConfigError(
      `Cannot make a depth batch: expected frames and targets among them, got ${frames.length} frames and ${count} targets`,
    );
  }
  const { height, width } = frames[0];
  const stack = (indices: readonly number[]) => {
    const pixels = new Uint8Array(count * height * width * 3);
    indices.forEach((index, i) => pixels.set(pixelsOf(frames, index), i * height * width * 3));
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

/** Colours of a frame of the first one's size. */
function pixelsOf(frames: readonly Frame[], index: number): Uint8Array {
  const [{ height, width }] = frames, frame = frames[index], task = "make a depth batch";
  if (!frame) {
    throw new ConfigError(
      `Cannot ${task}: expected targets and sources among ${frames.length} frames, got frame ${index}; ` +
        "find targets of these frames with depthTargets()",
    );
  }
  if (frame.height !== height || frame.width !== width) {
    throw new DataError(
      `Cannot ${task}: expected all frames to be ${height} x ${width}, got ${frame.height} x ${frame.width} ` +
        `(${frame.name}); read them at one size`,
    );
  }
  const name = `rgb of ${frame.name} (${height} x ${width})`;
  checkArray(task, name, frame.rgb, Uint8Array, 3 * height * width);
  return frame.rgb;
}

/**
 * A frame, its depth and its regions as one image that takes part in the mixing; arrays are shared. For pieces that are
 * others than the regions, add `shapes: regionsBy(...)`.
 *
 * @throws {DataError} when the three differ in size, or an array is not of the type and length that go with it.
 */
export function mixSource(frame: Frame, depth: DepthMap, regions: RegionMap): MixSource {
  const { height, width, rgb } = frame;
  // Rows are counted from the centre of the first; the principal point, from its upper edge.
  const horizon = intrinsicsFor(frame).cy * height - 0.5;
  const source = { height, width, rgb, depth, regions, horizon };
  checkSource(source, frame.name);
  return source;
}
