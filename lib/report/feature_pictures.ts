/**
 * Features as pictures: their three principal components as red, green and blue.
 *
 * @module
 */

import type { Embedding } from "../records.ts";
import { principalAxes } from "./principal_axes.ts";
import type { Picture } from "./pictures.ts";

/** Deviations from the mean to either side that the colours span. */
const SPAN = 2;

/**
 * One picture `[h,w,3]` an image, in which similar features have similar colours, across images too: the axes
 * of largest variance are those of all features together. The first axis is red, the second green, the
 * third blue, each from -2 to 2 deviations about its mean.
 *
 * @example
 * ```ts
 * import { featurePictures } from "@cpcdr/cpcdr";
 * import { assert } from "@std/assert";
 * // Two images of one row of two features each: the same two features in both.
 * const values = Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1);
 * const [one, other] = featurePictures({ count: 2, height: 1, width: 2, channels: 2, values });
 * assert(one.rgb[0] === other.rgb[0] && one.rgb[0] !== one.rgb[3]);
 * ```
 */
export function featurePictures(embedding: Embedding): Picture[] {
  const { count, height, width, channels, values } = embedding;
  const { mean, axes, deviations } = principalAxes(values, channels, 3);
  const size = height * width;
  return Array.from({ length: count }, (_, image) => {
    const rgb = new Uint8ClampedArray(3 * size);
    for (let i = 0; i < size; i++) {
      const start = (image * size + i) * channels;
      axes.forEach((axis, k) => {
        let along = 0;
        for (let c = 0; c < channels; c++) along += (values[start + c] - mean[c]) * axis[c];
        rgb[3 * i + k] = 127.5 * (1 + along / (SPAN * (deviations[k] || 1)));
      });
    }
    return { height, width, rgb: new Uint8Array(rgb.buffer) };
  });
}
