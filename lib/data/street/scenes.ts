/**
 * The embedded street scenes as a dataset: driving videos of drawn streets, with all truth.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { Frame } from "../../records.ts";
import {
  checkRead,
  checkSplit,
  type Dataset,
  type FrameInfo,
  type Size,
  type Split,
} from "../dataset.ts";
import { paint } from "./painters.ts";
import { STREET_CLASSES } from "./street.ts";

/** Which streets; splits of one seed share none. */
export type StreetSplit = Split;

/** Settings of {@linkcode streetScenes}. */
export interface StreetOptions {
  /** Decides every street. */
  readonly seed: number;
  /** Which streets of the seed. */
  readonly split: StreetSplit;
  /** Streets, each a video of its own with its own camera and weather. */
  readonly sequences: number;
  /** Frames of each street. */
  readonly framesPerSequence: number;
  /** Frames a second, 10 by default. */
  readonly fps?: number;
}

/** More would take weeks to draw. */
const MOST_FRAMES = 10_000_000;

/** Value of labels that do not count; the scenes have none. */
const IGNORE = 255;

/**
 * Driving videos with labels, metric depth, instances, intrinsics and poses. A frame depends on seed,
 * split, its street and its time alone, so that any size and any frame can be read in any order; of many that are
 * read at once ({@linkcode readFrames}) several are drawn at a time, in workers.
 *
 * @example
 * ```ts
 * import { streetScenes } from "@cpcdr/cpcdr";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 3 });
 * const frame = await scenes.read(0, { height: 64, width: 128 });
 * console.log(frame.name, scenes.classes[frame.labels![0]], frame.depth![64 * 127]);
 * ```
 *
 * @throws {ConfigError} when a count is not a positive integer, the seed is no integer, the split is none, or `fps` is not
 * above 0.
 */
export function streetScenes(options: StreetOptions): Dataset {
  const { seed, split, sequences, framesPerSequence, fps = 10 } = options;
  for (const [name, value] of Object.entries({ sequences, framesPerSequence })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new ConfigError(
      `Cannot draw street scenes: expected ${name} of at least 1, got ${value}`,
    );
  }
  if (sequences * framesPerSequence > MOST_FRAMES) {
    throw new ConfigError(
      `Cannot draw street scenes: expected at most ${MOST_FRAMES} frames, got ${
        sequences * framesPerSequence
      }`,
    );
  }
  checkSplit(split);
  if (!Number.isSafeInteger(seed) || !(fps > 0 && Number.isFinite(fps))) {
    throw new ConfigError(
      `Cannot draw street scenes: expected a whole number as seed and fps above 0, got ${seed} and ${fps}`,
    );
  }
  const frames: FrameInfo[] = [];
  for (let street = 0; street < sequences; street++) {
    const sequence = `${split}-${String(street).padStart(4, "0")}`;
    for (let index = 0; index < framesPerSequence; index++) {
      frames.push({ name: `${sequence}/${String(index).padStart(6, "0")}`, sequence });
    }
  }
  return {
    name: "street scenes",
    classes: STREET_CLASSES,
    ignore: IGNORE,
    fps,
    frames,
    async read(index: number, size: Size): Promise<Frame> {
      checkRead("street scenes", frames.length, index, size);
      const { height, width } = size;
      const street = Math.floor(index / framesPerSequence);
      const seconds = (index % framesPerSequence) / fps;
      const drawn = await paint({ seed, split, street, seconds, height, width });
      return { ...frames[index], ...drawn };
    },
  };
}
