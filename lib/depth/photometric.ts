/**
 * How far a synthesised view is from the frame it stands for.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ssim } from "../ops/ssim.ts";

/**
 * Photometric error per pixel (Godard et al. 2019, equation 2):
 *
 *     ssimWeight (1 - SSIM) / 2 + (1 - ssimWeight) |a - b|, mean over channels
 *
 * @param views `[N*B,H,W,3]` with values 0..1: N views of each target, view n of target i at n * B + i.
 * @param target `[B,H,W,3]`.
 * @returns `[N,B,H,W]`, 0..1 but for rounding.
 */
export function photometricError(
  views: tf.Tensor4D,
  target: tf.Tensor4D,
  ssimWeight: number,
): tf.Tensor4D {
  const [batch, height, width, channels] = target.shape;
  const copies = views.shape[0] / batch;
  const rows = [copies, target.size];
  const difference = tf.abs(
    tf.sub(tf.reshape(views, rows), tf.reshape(target, [1, target.size])),
  );
  const dissimilarity = tf.sub(0.5, tf.mul(ssim(views, target), 0.5));
  const error = tf.add(
    tf.mul(tf.reshape(dissimilarity, rows), ssimWeight),
    tf.mul(difference, 1 - ssimWeight),
  );
  return tf.mean(tf.reshape(error, [copies, batch, height, width, channels]), 4);
}

/** The photometric part of the loss. */
export interface Reprojection {
  /** Mean over pixels and scales of the sources' error, a scalar. */
  readonly loss: tf.Scalar;
  /** Share of pixels that some moved source explains better than every unmoved one; no gradient. */
  readonly moving: tf.Scalar;
}

/**
 * Per-pixel minimum over sources with auto-masking (Godard et al. 2019, equations 4 and 5): a pixel
 * that an unmoved source explains at least as well (a standing camera, a car at our own speed, a
 * plain wall) gives no gradient.
 *
 * @param errors `[N,S,B,H,W]` of N moved sources at S scales.
 * @param unmoved `[N,B,H,W]` errors of the sources as they are, or undefined for no masking.
 * @param over How sources are brought together: their least error, or the mean of all, as before Monodepth2.
 */
export function leastReprojection(
  errors: tf.Tensor5D,
  unmoved: tf.Tensor4D | undefined,
  over: "least" | "mean" = "least",
): Reprojection {
  const together = over === "least" ? tf.min : tf.mean;
  const least = together(errors, 0);
  if (!unmoved) return { loss: tf.mean(least), moving: tf.scalar(1) };
  const still = together(unmoved, 0, true);
  const moving = tf.mean(tf.cast(tf.less(least, still), "float32"));
  return { loss: tf.mean(tf.minimum(least, still)), moving: moving as tf.Scalar };
}
