/**
 * Reads frames ahead of their use.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Frame } from "../records.ts";
import type { Dataset, Size } from "./dataset.ts";

/** Settings of {@linkcode readFrames}. */
export interface ReadOptions {
  /** Frames that are being read or wait to be taken, besides the one in use; 4 by default. */
  readonly ahead?: number;
}

/**
 * Reads frames of a dataset in the order of `indices`, while those before them are in use. At most `ahead`
 * frames wait, however slow the taker is. (`pooledMap` of `@std/async` would read on to the end.)
 *
 * The first error ends it, once what was begun has finished; so does leaving the loop early.
 *
 * @example
 * ```ts
 * import { readFrames, streetScenes } from "@cpcdr/cpcdr";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 2 });
 * for await (const frame of readFrames(scenes, [0, 3, 1], { height: 32, width: 64 })) {
 *   console.log(frame.name, frame.rgb.length);
 * }
 * // All of them at once:
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), { height: 32, width: 64 }));
 * console.log(frames.length);
 * ```
 *
 * @throws {ConfigError} when `ahead` is not a positive integer.
 * @throws {DataError} when a frame cannot be read.
 */
export async function* readFrames(
  dataset: Dataset,
  indices: Iterable<number>,
  size: Size,
  { ahead = 4 }: ReadOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  if (!Number.isInteger(ahead) || ahead < 1) {
    throw new ConfigError(`Cannot read frames: expected ahead of at least 1, got ${ahead}`);
  }
  const left = indices[Symbol.iterator]();
  const begun: Promise<Frame>[] = [];
  const begin = () => {
    for (let next; begun.length < ahead && !(next = left.next()).done;) {
      const { value } = next;
      const frame = (async () => await dataset.read(value, size))();
      // An error is thrown in its turn; until then it is not an unhandled one.
      frame.catch(() => {});
      begun.push(frame);
    }
  };
  try {
    begin();
    while (begun.length > 0) {
      const frame = await begun.shift()!;
      begin();
      yield frame;
    }
  } finally {
    left.return?.();
    await Promise.allSettled(begun);
  }
}
