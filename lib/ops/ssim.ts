/**
 * Structural similarity.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";
import { reflectPad } from "./reflect_pad.ts";

/**
 * Structural similarity of images with values 0..1 (Wang et al. 2004, equation 13), with means,
 * variances and covariance over 3x3 windows, the border mirrored:
 *
 *     (2 ma mb + c1) (2 sab + c2) / ((ma^2 + mb^2 + c1) (saa + sbb + c2)), c1 = 0.01^2, c2 = 0.03^2
 *
 * per pixel and channel, -1..1, 1 where the windows are equal. Differentiable in a. An engine that
 * has the kernel `Ssim` runs it as one operation; otherwise it is composed.
 *
 * @param a `[N*B,H,W,C]`: N images for each of `b`, image n * B + i for `b`'s image i.
 * @param b `[B,H,W,C]`.
 * @returns `[N*B,H,W,C]`.
 */
export function ssim(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
  if (!useFusedKernel("Ssim", gradient)) return composed(a, b);
  return tf.engine().runKernel("Ssim", { a, b }) as tf.Tensor4D;
}

const gradient: tf.GradConfig = {
  kernelName: "Ssim",
  inputsToSave: ["a", "b"],
  gradFunc: (dy, [a, b]) => ({
    a: () => tf.engine().runKernel("SsimGrad", { dy: dy as tf.Tensor, a, b }) as tf.Tensor,
  }),
};

function composed(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
  const copies = a.shape[0] / b.shape[0];
  // Flat rows, one per copy, broadcast b over the copies.
  const rowsA = [copies, b.size];
  const paddedA = reflectPad(a);
  const paddedB = reflectPad(b);
  const meanA = tf.reshape(windowMean(paddedA), rowsA);
  const meanB = tf.reshape(windowMean(paddedB), [1, b.size]);
  const squareA = tf.reshape(windowMean(tf.square(paddedA)), rowsA);
  const squareB = tf.reshape(windowMean(tf.square(paddedB)), [1, b.size]);
  const product = tf.mul(
    tf.reshape(paddedA, [copies, paddedB.size]),
    tf.reshape(paddedB, [1, paddedB.size]),
  );
  const mixed = tf.reshape(windowMean(tf.reshape(product, paddedA.shape)), rowsA);
  const means = tf.mul(meanA, meanB);
  const squares = tf.add(tf.square(meanA), tf.square(meanB));
  // E[ab] - E[a]E[b] and E[a^2] + E[b^2] - (E[a]^2 + E[b]^2).
  const covariance = tf.sub(mixed, means);
  const variances = tf.sub(tf.add(squareA, squareB), squares);
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const similarity = tf.div(
    tf.mul(tf.add(tf.mul(means, 2), c1), tf.add(tf.mul(covariance, 2), c2)),
    tf.mul(tf.add(squares, c1), tf.add(variances, c2)),
  );
  return tf.reshape(similarity, a.shape);
}

/** Mean of each 3x3 window: `[B,H+2,W+2,C]` to `[B,H,W,C]`. */
function windowMean(x: tf.Tensor4D): tf.Tensor4D {
  return tf.avgPool(x, 3, 1, "valid");
}
