/**
 * How well the sources explain a frame.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

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
