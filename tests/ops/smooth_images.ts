/**
 * Photometric error of smooth images, on whichever engine is current, against float64.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals } from "@std/assert";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import type { Random } from "../../lib/random.ts";
import type { Image } from "../oracles/sampling.ts";
import { photometric } from "../oracles/warping.ts";

/** Copies of each of two targets, height, width and channels of images worth trying. */
export const smoothShapes = [[1, 2, 2, 1], [2, 5, 7, 3], [3, 4, 3, 4]] as const;

/** Bright images of little contrast, such as a sky or a road, with values that floats hold. */
function smoothImages(random: Random, [n, h, w, c]: readonly number[]): Image[] {
  const list = <T>(length: number, make: () => T) => Array.from({ length }, make);
  const pixel = () => list(c, () => Math.fround(0.8 + random.uniform(-0.02, 0.02)));
  return list(n, () => list(h, () => list(w, pixel)));
}

/** What all pixels lack in similarity. */
function dissimilarities(a: Image, b: Image): number[] {
  return photometric(a, b, 1).flat();
}

/** Compares values, and slopes with differences in float64 of images that are moved in place. */
export async function checkSmoothImages(
  random: Random,
  [copies, h, w, c]: readonly number[],
): Promise<void> {
  const targets = 2, step = 1e-5, each = h * w;
  const a = smoothImages(random, [copies * targets, h, w, c]);
  const b = smoothImages(random, [targets, h, w, c]);
  const dy = Float32Array.from({ length: a.length * each }, () => random.normal());
  const [values, slopes] = tf.tidy(() => {
    const [x, y, weights] = [
      tf.tensor4d(a),
      tf.tensor4d(b),
      tf.tensor4d(dy, [copies, targets, h, w]),
    ];
    const errors = (x: tf.Tensor) => photometricError(x as tf.Tensor4D, y, 1);
    return [errors(x), tf.grad((x) => tf.sum(tf.mul(errors(x), weights)))(x)];
  });
  const ofAll = await values.data(), slopesOfAll = await slopes.data();
  tf.dispose([values, slopes]);
  a.flatMap((image, n) => dissimilarities(image, b[n % targets])).forEach((value, i) =>
    assertAlmostEquals(ofAll[i], value, 2.5e-6, `value ${i}`)
  );
  const weighed = (n: number) =>
    dissimilarities(a[n], b[n % targets]).reduce(
      (sum, value, i) => sum + value * dy[n * each + i],
      0,
    );
  a.forEach((image, n) =>
    image.flat().forEach((pixel, place) =>
      pixel.forEach((value, channel) => {
        const [above, below] = [value + step, value - step].map((moved) => {
          pixel[channel] = moved;
          return weighed(n);
        });
        pixel[channel] = value;
        const expected = (above - below) / (2 * step), at = (n * each + place) * c + channel;
        const bound = 1e-4 * (1 + Math.abs(expected));
        assertAlmostEquals(slopesOfAll[at], expected, bound, `slope ${at}`);
      })
    )
  );
}
