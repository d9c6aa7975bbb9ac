/**
 * Seeing a frame through the eyes of its neighbour.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { gridSample } from "../ops/grid_sample.ts";
import type { Motion } from "./camera.ts";

/** The least depth, in units of the point's depth in the target, that counts as before a camera. */
const LEAST_DEPTH = 1e-3;

/**
 * Where the target's pixels lie in the source. A pixel p = (x, y, 1) of depth 1 / d is the point
 * K^-1 p / d; moved by (R, t) and projected by K it falls on
 *
 *     q = K (R K^-1 p / d + t), that is, as only q's direction counts, K R K^-1 p + d K t
 *
 * so that a pixel's position depends on its inverse depth d linearly before the division, and
 * neither point clouds nor depths are needed.
 *
 * @param disparity `[B,H,W,1]` inverse depths.
 * @param motion From the target's camera to the source's.
 * @param camera `[B,3,3]` K in pixels, and its inverse.
 * @returns `[B,H,W,2]` pixel positions (x, y); what lies behind the source's camera is far outside.
 */
export function sourcePositions(
  disparity: tf.Tensor4D,
  motion: Motion,
  camera: tf.Tensor3D,
  inverseCamera: tf.Tensor3D,
): tf.Tensor4D {
  const [batch, height, width] = disparity.shape;
  const turned = tf.matMul(camera, tf.matMul(motion.rotation, inverseCamera));
  const shift = tf.matMul(camera, tf.reshape(motion.translation, [batch, 3, 1]));
  const pixels = tf.tile(homogeneousPixels(height, width), [batch, 1, 1]);
  // Rows are (x, y, 1, d) and the 4x3 matrix stacks (K R K^-1)^T and (K t)^T.
  const rows = tf.concat([pixels, tf.reshape(disparity, [batch, height * width, 1])], 2);
  const projection = tf.concat([turned, shift], 2);
  const projected = tf.matMul(rows, projection, false, true);
  const [xy, z] = tf.split(projected, [2, 1], 2);
  const positions = tf.div(xy, tf.maximum(z, LEAST_DEPTH));
  return tf.reshape(positions, [batch, height, width, 2]);
}

/** `[1,H*W,3]`: (x, y, 1) of every pixel. */
function homogeneousPixels(height: number, width: number): tf.Tensor3D {
  const values = new Float32Array(height * width * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      values[i] = x;
      values[i + 1] = y;
      values[i + 2] = 1;
    }
  }
  return tf.tensor3d(values, [1, height * width, 3]);
}

/**
 * The target's view made of the source's pixels: `[B,H,W,C]`. Positions outside the source take its
 * border. Differentiable in disparity and motion.
 */
export function synthesizeView(
  source: tf.Tensor4D,
  disparity: tf.Tensor4D,
  motion: Motion,
  camera: tf.Tensor3D,
  inverseCamera: tf.Tensor3D,
): tf.Tensor4D {
  const positions = sourcePositions(disparity, motion, camera, inverseCamera);
  return gridSample(source, positions, { padding: "border" });
}
