/**
 * Assigning samples to prototypes evenly, by optimal transport.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** Settings of {@linkcode sinkhorn}. */
export interface SinkhornOptions {
  /** Similarities are divided by it; at least 0.025, so that exp(1 / epsilon) fits float32. */
  readonly epsilon: number;
  readonly iterations: number;
}

/**
 * Soft assignment of samples to prototypes in which every prototype is used equally (Caron et al.
 * 2020, SwAV, section 3.1; Cuturi 2013): q = diag(u) exp(S / epsilon) diag(v), where v makes the
 * columns and then u the rows add up to the same, `iterations` times over, rows last.
 *
 * Only the vectors u and v change between iterations, so each costs two matrix-vector products. The
 * kernel needs no shift in float32, since a cosine is bounded: exp(1 / 0.025) = 2e17.
 *
 * @param scores `[N,K]` cosine similarities, -1..1.
 * @param present `[N]` 1 for a sample, 0 for a row that takes no part; its q is 0.
 * @returns `[N,K]`, rows of present samples add up to 1. No gradient passes it when called inside a
 * custom gradient, as {@linkcode prototypeLoss} does. The caller owns it.
 */
export function sinkhorn(
  scores: tf.Tensor2D,
  present: tf.Tensor1D,
  { epsilon, iterations }: SinkhornOptions,
): tf.Tensor2D {
  return tf.tidy(() => {
    const prototypes = scores.shape[1];
    const kernel = tf.exp(tf.mul(scores, 1 / epsilon)) as tf.Tensor2D;
    const weights = tf.reshape(present, [-1, 1]) as tf.Tensor2D;
    let u = weights;
    let v: tf.Tensor2D = tf.ones([1, prototypes]);
    for (let iteration = 0; iteration < iterations; iteration++) {
      v = tf.divNoNan(tf.ones([1, prototypes]), tf.matMul(u, kernel, true, false));
      u = tf.divNoNan(weights, tf.matMul(kernel, v, false, true));
    }
    // Without iterations rows are still made to add up to 1: plain softmax.
    if (iterations === 0) u = tf.div(weights, tf.sum(kernel, 1, true));
    return tf.mul(tf.mul(kernel, v), u);
  });
}
