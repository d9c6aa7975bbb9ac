/**
 * Seeing a frame through the eyes of its neighbour.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { gridSample } from "../ops/grid_sample.ts";
import { projectPixels } from "../ops/project_pixels.ts";
import type { Motion } from "./camera.ts";

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
  const turned = tf.matMul(camera, tf.matMul(motion.rotation, inverseCamera));
  const shift = tf.matMul(camera, tf.expandDims(motion.translation, 2));
  return projectPixels(disparity, tf.concat([turned, shift], 2) as tf.Tensor3D);
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
