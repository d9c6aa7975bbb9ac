/**
 * Where pixels of known depth lie in another view.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";

/** The least depth, in units of the point's depth in its own view, that counts as before a camera. */
const LEAST_DEPTH = 1e-3;

/**
 * Positions (x, y) in pixels, `[B,H,W,2]`, of the pixels of a view in another one. A pixel (x, y) of inverse depth d
 * falls on the direction of
 *
 *     projection (x, y, 1, d)
 *
 * of which the third number is at least 1e-3: what lies behind the camera is far outside. Differentiable in both. An
 * engine that has the kernel `ProjectPixels` runs it as one operation; otherwise it is composed.
 *
 * @param disparity `[B,H,W,1]` inverse depths.
 * @param projection `[B,3,4]`.
 */
export function projectPixels(disparity: tf.Tensor4D, projection: tf.Tensor3D): tf.Tensor4D {
  if (!useFusedKernel("ProjectPixels", gradient)) return composed(disparity, projection);
  const inputs = { disparity, projection };
  return tf.engine().runKernel("ProjectPixels", inputs, { least: LEAST_DEPTH }) as tf.Tensor4D;
}

const gradient: tf.GradConfig = {
  kernelName: "ProjectPixels",
  inputsToSave: ["disparity", "projection"],
  gradFunc: (dy, [disparity, projection], attributes) => {
    const inputs = { dy: dy as tf.Tensor, disparity, projection };
    const { least } = attributes as Record<string, number>;
    // Each is computed where it is asked for.
    const gradientOf = (of: "disparity" | "projection") => () =>
      tf.engine().runKernel("ProjectPixelsGrad", inputs, { least, of }) as tf.Tensor;
    return { disparity: gradientOf("disparity"), projection: gradientOf("projection") };
  },
};

function composed(disparity: tf.Tensor4D, projection: tf.Tensor3D): tf.Tensor4D {
  const [batch, height, width] = disparity.shape;
  const pixels = tf.tile(homogeneousPixels(height, width), [batch, 1, 1]);
  const rows = tf.concat([pixels, tf.reshape(disparity, [batch, height * width, 1])], 2);
  const projected = tf.matMul(rows, projection, false, true);
  const [xy, z] = tf.split(projected, [2, 1], 2);
  return tf.reshape(tf.div(xy, tf.maximum(z, LEAST_DEPTH)), [batch, height, width, 2]);
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
