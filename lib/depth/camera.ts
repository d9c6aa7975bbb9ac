/**
 * Pinhole cameras and rigid motion.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Intrinsics } from "../records.ts";
import { customGrad } from "../ops/variable_grads.ts";

/** A rigid motion of points, X' = R X + t, one per batch item. */
export interface Motion {
  /** `[B,3,3]`. */
  readonly rotation: tf.Tensor3D;
  /** `[B,3]`, in the unit of depth. */
  readonly translation: tf.Tensor2D;
}

/**
 * Camera matrices K `[B,3,3]` in pixels. Since the first pixel's centre is at 0, the principal point
 * of an image cut through its middle is (W - 1) / 2.
 */
export function cameraMatrices(
  intrinsics: readonly Intrinsics[],
  height: number,
  width: number,
): tf.Tensor3D {
  const matrices = intrinsics.map(({ fx, fy, cx, cy }) => [
    [fx * width, 0, cx * width - 0.5],
    [0, fy * height, cy * height - 0.5],
    [0, 0, 1],
  ]);
  return tf.tensor3d(matrices);
}

/** Their inverses K^-1 `[B,3,3]`, which take a pixel (x, y, 1) to its ray of depth 1. */
export function inverseCameraMatrices(
  intrinsics: readonly Intrinsics[],
  height: number,
  width: number,
): tf.Tensor3D {
  const matrices = intrinsics.map(({ fx, fy, cx, cy }) => [
    [1 / (fx * width), 0, -(cx * width - 0.5) / (fx * width)],
    [0, 1 / (fy * height), -(cy * height - 0.5) / (fy * height)],
    [0, 0, 1],
  ]);
  return tf.tensor3d(matrices);
}

/** K and K^-1 of each item `[B,3,3]`, in pixels of one size. */
export interface Cameras {
  readonly matrix: tf.Tensor3D;
  readonly inverse: tf.Tensor3D;
}

/** The cameras of a batch for images of H rows and W columns. */
export type CamerasAt = (height: number, width: number) => Cameras;

/**
 * Cameras of these intrinsics.
 *
 * @param focal Logarithm of what all fx and fy are multiplied by. Differentiable in it.
 */
export function camerasOf(intrinsics: readonly Intrinsics[], focal?: tf.Scalar): CamerasAt {
  return (height, width) => {
    const matrix = cameraMatrices(intrinsics, height, width);
    const inverse = inverseCameraMatrices(intrinsics, height, width);
    if (!focal) return { matrix, inverse };
    const factor = (sign: 1 | -1) => tf.exp(tf.mul(focal, sign));
    const factors = (sign: 1 | -1) =>
      tf.reshape(tf.stack([factor(sign), factor(sign), tf.scalar(1)]), [1, 3, 1]);
    // Off the diagonal stands the principal point, which stays.
    const focalLengths = tf.mul(matrix, tf.eye(3));
    const rest = tf.sub(matrix, focalLengths);
    return {
      matrix: tf.add(tf.mul(focalLengths, factors(1)), rest),
      inverse: tf.mul(inverse, factors(-1)),
    };
  };
}

/**
 * The motion as it is, but to gradients one that shifts the image by as many pixels however long focal lengths are:
 * turns and sideways ways shrink as those grow. All that a motion which was fitted to the image can tell of them is
 * how a turn bends the image; without this, whatever the fit falls short of would lengthen them without end.
 *
 * @param focal As {@linkcode camerasOf} takes it.
 */
export function heldInPixels({ rotation, translation }: Motion, focal: tf.Scalar): Motion {
  // 0 by value; its derivative is that of 1 / focal length.
  const still = customGrad((x) => ({
    value: tf.zerosLike(x as tf.Tensor),
    gradFunc: (dy) => tf.neg(dy),
  }))(focal) as tf.Scalar;
  const twist = tf.sub(rotation, tf.transpose(rotation, [0, 2, 1]));
  const entry = (row: number, column: number) => tf.slice(twist, [0, row, column], [-1, 1, 1]);
  const halves = tf.reshape(tf.concat([entry(2, 1), entry(0, 2), entry(1, 0)], 1), [-1, 3]);
  const axisAngles = tf.mul(halves, 0.5) as tf.Tensor2D;
  const sideways = tf.mul(translation, tf.tensor2d([[1, 1, 0]]));
  return {
    rotation: tf.matMul(rotationMatrices(tf.mul(axisAngles, still)), rotation) as tf.Tensor3D,
    translation: tf.add(translation, tf.mul(sideways, still)),
  };
}

/**
 * Rotation matrices `[B,3,3]` of axis-angle vectors v `[B,3]` (radians), by Rodrigues' formula with
 * the angle a = |v| and the cross-product matrix V of v:
 *
 *     R = I + sin(a) / a V + (1 - cos(a)) / a^2 V^2
 *
 * Differentiable, also near v = 0.
 */
export function rotationMatrices(axisAngles: tf.Tensor2D): tf.Tensor3D {
  const batch = axisAngles.shape[0];
  // The small constant keeps the quotients and the root's derivative finite.
  const angle = tf.sqrt(tf.add(tf.sum(tf.square(axisAngles), 1), 1e-8));
  const crossed: tf.Tensor3D = tf.reshape(tf.matMul(axisAngles, crossProduct()), [batch, 3, 3]);
  const first = tf.reshape(tf.div(tf.sin(angle), angle), [batch, 1, 1]);
  const second = tf.reshape(
    tf.div(tf.sub(1, tf.cos(angle)), tf.square(angle)),
    [batch, 1, 1],
  );
  const linear = tf.mul(crossed, first);
  const quadratic = tf.mul(tf.matMul(crossed, crossed), second);
  return tf.add(tf.add(tf.eye(3), linear), quadratic);
}

/** `[3,9]`: v times it is the matrix V with V x = v cross x, row-major. */
function crossProduct(): tf.Tensor2D {
  return tf.tensor2d([
    [0, 0, 0, 0, 0, -1, 0, 1, 0],
    [0, 0, 1, 0, 0, 0, -1, 0, 0],
    [0, -1, 0, 1, 0, 0, 0, 0, 0],
  ]);
}

/** The motion back: X = R^T X' - R^T t. */
export function inverseMotion({ rotation, translation }: Motion): Motion {
  const batch = translation.shape[0];
  const moved = tf.matMul(rotation, tf.reshape(translation, [batch, 3, 1]), true);
  return {
    rotation: tf.transpose(rotation, [0, 2, 1]),
    translation: tf.neg(tf.reshape(moved, [batch, 3])),
  };
}
