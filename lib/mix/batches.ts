/**
 * The mixed images of each training step.
 *
 * @module
 */

import { randomStream } from "../random.ts";
import type { MixedBatch } from "../records.ts";
import type { BatchArrays } from "./compose.ts";
import { checkMixConfig, type MixConfig } from "./config.ts";
import { mixImages } from "./mix_images.ts";
import type { MixSource } from "./paste.ts";

/**
 * Mixes sources that are drawn for this step; the batch depends on seed and step alone. See
 * {@linkcode Pretrainer} for an example.
 *
 * @param sources Of these, `config.sources` are drawn.
 * @param into arrays that nobody needs any more, see {@linkcode mixImages}.
 * @throws {ConfigError} when there is no source, sources differ in size, or a setting is out of its range or asks
 * for shapes or regions that sources do not have.
 * @throws {DataError} when an array of a source or of `into` is not of the type and length that go with its size.
 */
export function mixedBatch(
  sources: readonly MixSource[],
  config: MixConfig,
  seed: number,
  step: number,
  into?: BatchArrays,
): MixedBatch {
  checkMixConfig(config);
  const random = randomStream(seed, "mix", step);
  const order = random.shuffle(sources.map((_, i) => i));
  const drawn = order.slice(0, config.sources).map((i) => sources[i]);
  return mixImages(drawn, config, random, undefined, into);
}

/** The memory of a batch's pixels, which a message to another thread hands over rather than copies. */
export function buffersOf({ images, copyIds, regionIds }: BatchArrays): ArrayBuffer[] {
  return [images.buffer, copyIds.buffer, regionIds.buffer] as ArrayBuffer[];
}
