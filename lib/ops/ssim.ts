/**
 * Structural similarity.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { reflectPad } from "./reflect_pad.ts";

/** Places of a 3x3 window, rows and columns, but the one in the middle. */
const NEIGHBOURS = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1], [2, 2]] as const;

/**
 * Structural similarity of images with values 0..1 (Wang et al. 2004, equation 13), with means,
 * variances and covariance over 3x3 windows, the border mirrored:
 *
 *     (2 ma mb + c1) (2 sab + c2) / ((ma^2 + mb^2 + c1) (saa + sbb + c2)), c1 = 0.01^2, c2 = 0.03^2
 *
 * per pixel and channel, -1..1, 1 where the windows are equal. Variances are taken about the window's middle pixel: as
 * the difference of mean square and squared mean they would lose four digits where images are smooth.
 *
 * @param a `[N*B,H,W,C]`: N images for each of `b`, image n * B + i for `b`'s image i.
 * @param b `[B,H,W,C]`.
 * @returns `[N*B,H,W,C]`.
 */
export function ssim(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
  // Flat rows, one per copy, broadcast b over the copies.
  const flatA = (x: tf.Tensor4D) => tf.reshape(x, [a.shape[0] / b.shape[0], b.size]);
  const flatB = (x: tf.Tensor4D) => tf.reshape(x, [1, b.size]);
  const paddedA = reflectPad(a), paddedB = reflectPad(b);
  const apart = NEIGHBOURS.map(([row, column]) => {
    const from = [0, row, column, 0];
    return [
      flatA(tf.sub(tf.slice(paddedA, from, a.shape), a)),
      flatB(tf.sub(tf.slice(paddedB, from, b.shape), b)),
    ];
  });
  const windowMean = (of: (apart: tf.Tensor[]) => tf.Tensor) => tf.div(tf.addN(apart.map(of)), 9);
  const offsetA = windowMean(([a]) => a), offsetB = windowMean(([, b]) => b);
  const meanA = tf.add(flatA(a), offsetA), meanB = tf.add(flatB(b), offsetB);
  const covariance = tf.sub(windowMean(([a, b]) => tf.mul(a, b)), tf.mul(offsetA, offsetB));
  const varianceA = tf.sub(windowMean(([a]) => tf.square(a)), tf.square(offsetA));
  const varianceB = tf.sub(windowMean(([, b]) => tf.square(b)), tf.square(offsetB));
  const squares = tf.add(tf.square(meanA), tf.square(meanB));
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const similarity = tf.div(
    tf.mul(tf.add(tf.mul(tf.mul(meanA, meanB), 2), c1), tf.add(tf.mul(covariance, 2), c2)),
    tf.mul(tf.add(squares, c1), tf.add(tf.add(varianceA, varianceB), c2)),
  );
  return tf.reshape(similarity, a.shape);
}
