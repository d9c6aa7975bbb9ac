/**
 * The mixed images of each training step.
 *
 * @module
 */

import { randomStream } from "../random.ts";
import type { MixedBatch } from "../records.ts";
import type { MixConfig } from "./config.ts";
import { mixImages } from "./mix_images.ts";
import type { MixSource } from "./paste.ts";

/**
 * Mixes sources that are drawn for this step; the batch depends on seed and step alone. See
 * {@linkcode Pretrainer} for an example.
 *
 * @param sources Of these, `config.sources` are drawn.
 * @throws {ConfigError} when there is no source, or sources differ in size.
 */
export function mixedBatch(
  sources: readonly MixSource[],
  config: MixConfig,
  seed: number,
  step: number,
): MixedBatch {
  const random = randomStream(seed, "mix", step);
  const order = random.shuffle(sources.map((_, i) => i));
  return mixImages(order.slice(0, config.sources).map((i) => sources[i]), config, random);
}
