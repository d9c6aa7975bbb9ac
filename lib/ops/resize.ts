/**
 * Resizing of images: bilinear with a correct gradient, since tfjs-core's ignores `halfPixelCenters`, and doubling.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { customGrad } from "./variable_grads.ts";

/**
 * Resizes `[B,H,W,C]` to `[B,height,width,C]`, pixels being areas: the centre of output pixel i is
 * at (i + 0.5) * size_in / size_out - 0.5, and the border pixel goes on outside (`interpolate`
 * with `align_corners=False` in PyTorch; without smoothing where it shrinks). Differentiable.
 */
export function resizeBilinear(x: tf.Tensor4D, height: number, width: number): tf.Tensor4D {
  const [, inHeight, inWidth] = x.shape;
  if (height === inHeight && width === inWidth) return x;
  return customGrad((x) => ({
    value: tf.image.resizeBilinear(x as tf.Tensor4D, [height, width], false, true),
    gradFunc: (dy: tf.Tensor) => spread(dy as tf.Tensor4D, inHeight, inWidth),
  }))(x) as tf.Tensor4D;
}

/** Each pixel of `[B,H,W,C]` twice in both directions: `[B,2H,2W,C]`. Differentiable. */
export function double(x: tf.Tensor4D): tf.Tensor4D {
  return tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]);
}

/** The transpose of the resizing: R^T dy C, with the interpolation matrices of both axes. */
function spread(dy: tf.Tensor4D, inHeight: number, inWidth: number): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = dy.shape;
    const ofRows = tf.tensor2d(interpolation(inHeight, height), [inHeight, height]);
    const ofColumns = tf.tensor2d(interpolation(inWidth, width), [inWidth, width]);
    const rows = tf.matMul(
      tf.expandDims<tf.Tensor3D>(ofRows, 0),
      tf.reshape(dy, [batch, height, width * channels]),
    );
    const columns = tf.matMul(
      tf.expandDims<tf.Tensor3D>(ofColumns, 0),
      tf.reshape(rows, [batch * inHeight, width, channels]),
    );
    return tf.reshape(columns, [batch, inHeight, inWidth, channels]);
  });
}

/** `[input, output]` weights of each input sample in each output sample. */
function interpolation(input: number, output: number): Float32Array {
  const weights = new Float32Array(input * output);
  for (let o = 0; o < output; o++) {
    const at = Math.min(input - 1, Math.max(0, (o + 0.5) * input / output - 0.5));
    const low = Math.floor(at);
    const high = Math.min(input - 1, low + 1);
    weights[low * output + o] += 1 - (at - low);
    weights[high * output + o] += at - low;
  }
  return weights;
}
