/**
 * Padding by reflection with a correct gradient: tfjs-core's drops what fell on the padding.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import { useFusedKernel } from "./fused.ts";
import { customGrad } from "./variable_grads.ts";

/**
 * Puts one row and column around `[B,H,W,C]`, mirrored at the border pixel's centre, so that row -1
 * is row 1: `[B,H+2,W+2,C]`. Differentiable; an engine that has the kernel `MirrorPadGrad` runs each
 * way as one operation, otherwise they are composed.
 *
 * @throws {ConfigError} when H or W is below 2, where there is nothing to mirror.
 */
export function reflectPad(x: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  if (height < 2 || width < 2) {
    throw new ConfigError(
      `Cannot pad by reflection: expected at least 2x2 pixels, got ${width}x${height}; ` +
        `use larger images`,
    );
  }
  const attrs = { paddings: [[0, 0], [1, 1], [1, 1], [0, 0]], mode: "reflect" };
  if (useFusedKernel("MirrorPadGrad")) {
    return customGrad((x) => ({
      value: tf.engine().runKernel("MirrorPad", { x: x as tf.Tensor }, attrs) as tf.Tensor,
      gradFunc: (dy: tf.Tensor) =>
        tf.engine().runKernel("MirrorPadGrad", { dy }, attrs) as tf.Tensor,
    }))(x) as tf.Tensor4D;
  }
  return customGrad((x) => ({
    value: padAxis(padAxis(x as tf.Tensor4D, 2), 1),
    gradFunc: (dy: tf.Tensor) => foldAxis(foldAxis(dy as tf.Tensor4D, 1), 2),
  }))(x) as tf.Tensor4D;
}

function padAxis(x: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D {
  const size = x.shape[axis];
  return tf.concat([line(x, axis, 1), x, line(x, axis, size - 2)], axis);
}

/** The transpose of {@linkcode padAxis}: the padding's gradient goes back where it came from. */
function foldAxis(dy: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D {
  const size = dy.shape[axis] - 2;
  const first = line(dy, axis, 0);
  const last = line(dy, axis, size + 1);
  /** Lines from..to of the inner part. */
  const inner = (from: number, to: number) => line(dy, axis, 1 + from, to - from);
  if (size === 2) {
    return tf.concat([tf.add(inner(0, 1), last), tf.add(inner(1, 2), first)], axis);
  }
  if (size === 3) {
    const middle = tf.addN([inner(1, 2), first, last]);
    return tf.concat([inner(0, 1), middle, inner(2, 3)], axis);
  }
  return tf.concat([
    inner(0, 1),
    tf.add(inner(1, 2), first),
    ...(size > 4 ? [inner(2, size - 2)] : []),
    tf.add(inner(size - 2, size - 1), last),
    inner(size - 1, size),
  ], axis);
}

/** Rows (axis 1) or columns (axis 2) from `index` on. */
function line(x: tf.Tensor4D, axis: 1 | 2, index: number, count = 1): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  return axis === 1
    ? tf.slice(x, [0, index, 0, 0], [batch, count, width, channels])
    : tf.slice(x, [0, 0, index, 0], [batch, height, count, channels]);
}
