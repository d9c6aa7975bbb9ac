/**
 * Sums that keep nothing for their gradients: tfjs-core keeps both operands, of which it asks the shape alone.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { customGrad } from "./variable_grads.ts";

/** a + b, where b is of the shape of a, or `[C]` to be added to each pixel of a. */
export function plus<T extends tf.Tensor>(a: T, b: tf.Tensor): T {
  const axes = tf.util.arraysEqual(a.shape, b.shape)
    ? []
    : a.shape.map((_, axis) => axis).slice(0, -1);
  return customGrad<T>((a, b) => ({
    value: tf.add(a as T, b as tf.Tensor) as T,
    gradFunc: (dy) => [dy, axes.length > 0 ? tf.sum(dy, axes) : tf.clone(dy)],
  }))(a, b) as T;
}
