/**
 * How far a synthesised view is from the frame it stands for.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";
import { ssim } from "./ssim.ts";

/**
 * Photometric error per pixel (Godard et al. 2019, equation 2):
 *
 *     ssimWeight (1 - SSIM) / 2 + (1 - ssimWeight) |a - b|, mean over channels
 *
 * Differentiable in the views; where a view's pixel is the target's, |a - b| has no slope. An engine that has the kernel
 * `PhotometricError` runs it as one operation; otherwise it is composed.
 *
 * @param views `[N*B,H,W,C]` with values 0..1: N views of each target, view n of target i at n * B + i.
 * @param target `[B,H,W,C]`.
 * @returns `[N,B,H,W]`, 0..1 but for rounding.
 */
export function photometricError(
  views: tf.Tensor4D,
  target: tf.Tensor4D,
  ssimWeight: number,
): tf.Tensor4D {
  const [batch, height, width] = target.shape;
  const errors = useFusedKernel("PhotometricError", gradient)
    ? tf.engine().runKernel("PhotometricError", { views, target }, { ssimWeight }) as tf.Tensor3D
    : composed(views, target, ssimWeight);
  return tf.reshape(errors, [views.shape[0] / batch, batch, height, width]);
}

const gradient: tf.GradConfig = {
  kernelName: "PhotometricError",
  inputsToSave: ["views", "target"],
  gradFunc: (dy, [views, target], attributes) => ({
    views: () => {
      const inputs = { dy: dy as tf.Tensor, views, target };
      const { ssimWeight } = attributes as Record<string, number>;
      return tf.engine().runKernel("PhotometricErrorGrad", inputs, { ssimWeight }) as tf.Tensor;
    },
  }),
};

/** Errors `[N*B,H,W]`. */
function composed(views: tf.Tensor4D, target: tf.Tensor4D, ssimWeight: number): tf.Tensor {
  // Flat rows, one per copy, broadcast the target over the copies.
  const rows = [views.shape[0] / target.shape[0], target.size];
  const apart = tf.sub(tf.reshape(views, rows), tf.reshape(target, [1, target.size]));
  // |apart|; tfjs gives the absolute value of 0 a slope of -1.
  const difference = tf.add(tf.relu(apart), tf.relu(tf.neg(apart)));
  const dissimilarity = tf.sub(0.5, tf.mul(ssim(views, target), 0.5));
  const error = tf.add(
    tf.mul(tf.reshape(dissimilarity, rows), ssimWeight),
    tf.mul(difference, 1 - ssimWeight),
  );
  return tf.mean(tf.reshape(error, views.shape), 3);
}
