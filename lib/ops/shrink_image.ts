/**
 * Images at a whole fraction of their size.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** The means of factor x factor pixels, `[B,H,W,C]` to `[B,H/factor,W/factor,C]`; the image itself where factor is 1. */
export function shrinkImage(image: tf.Tensor4D, factor: number): tf.Tensor4D {
  return factor === 1 ? image : tf.avgPool(image, factor, factor, "valid");
}
