/**
 * Sampling an image at fractional positions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";
import { customGrad } from "./variable_grads.ts";

/** Settings of {@linkcode gridSample}. */
export interface GridSampleOptions {
  /** What lies outside: the nearest border pixel, or 0. */
  readonly padding: "border" | "zeros";
}

/**
 * Reads `x` `[B,H,W,C]` at the positions of `grid` `[B,h,w,2]`, in pixels as (x, y) with the first
 * pixel's centre at (0, 0), interpolating between the four nearest pixels: `[B,h,w,C]`.
 * (PyTorch's `grid_sample` counts positions from -1 to 1 instead.)
 *
 * Differentiable in both; with border padding the gradient of a position outside is 0. An engine
 * that has the kernel `GridSample` runs it as one operation; otherwise it is composed.
 */
export function gridSample(
  x: tf.Tensor4D,
  grid: tf.Tensor4D,
  { padding }: GridSampleOptions,
): tf.Tensor4D {
  if (!useFusedKernel("GridSample", gradient)) return composed(x, grid, padding);
  return tf.engine().runKernel("GridSample", { x, grid }, { padding }) as tf.Tensor4D;
}

function composed(x: tf.Tensor4D, grid: tf.Tensor4D, padding: "border" | "zeros"): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const [, gridHeight, gridWidth] = grid.shape;
  const rows: tf.Tensor2D = tf.reshape(x, [batch * height * width, channels]);
  let [column, row] = tf.split(tf.reshape(grid, [batch, gridHeight * gridWidth, 2]), 2, 2);
  if (padding === "border") {
    column = tf.clipByValue(column, 0, width - 1);
    row = tf.clipByValue(row, 0, height - 1);
  }
  const images = tf.reshape(tf.range(0, batch, 1, "int32"), [batch, 1, 1]);
  const [rowsEach, columnsEach] = [height, width].map((size) => tf.scalar(size, "int32"));
  /** The pixels at floor + (dx, dy), times the share of their interpolation. */
  const corner = (dx: number, dy: number) => {
    const [atX, shareX] = neighbour(column, dx, width);
    const [atY, shareY] = neighbour(row, dy, height);
    const index = tf.add(tf.mul(tf.add(tf.mul(images, rowsEach), atY), columnsEach), atX);
    const values = gatherRows(rows, tf.reshape(index, [-1]) as tf.Tensor1D);
    return tf.mul(
      tf.reshape(values, [batch, gridHeight * gridWidth, channels]),
      tf.mul(shareX, shareY),
    );
  };
  const sum = tf.addN([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]);
  return tf.reshape(sum, [batch, gridHeight, gridWidth, channels]);
}

/**
 * Index (int32, within 0..size-1) and share of the pixel before (step 0) or after (step 1) each
 * position along one axis; the share is 0 where that pixel does not exist.
 */
function neighbour(position: tf.Tensor, step: number, size: number): [tf.Tensor, tf.Tensor] {
  const before = tf.floor(position);
  const fraction = tf.sub(position, before);
  const share = step === 1 ? fraction : tf.sub(1, fraction);
  const at = tf.add(before, step);
  const nearest = tf.clipByValue(at, 0, size - 1);
  // A pixel that does not exist is at least 1 from the nearest one.
  const inside = tf.relu(tf.sub(1, tf.abs(tf.sub(at, nearest))));
  return [tf.cast(nearest, "int32"), tf.mul(share, inside)];
}

/** Rows of `[N,C]`; its gradient adds into them (tfjs-core's own walks over all N per row). */
function gatherRows(rows: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D {
  const { shape } = rows;
  return customGrad((rows) => ({
    value: tf.gather(rows as tf.Tensor2D, index),
    gradFunc: (dy: tf.Tensor) => tf.scatterND(tf.expandDims(index, 1), dy, shape),
  }))(rows) as tf.Tensor2D;
}

const gradient: tf.GradConfig = {
  kernelName: "GridSample",
  inputsToSave: ["x", "grid"],
  gradFunc: (dy, saved, attributes) => {
    const [x, grid] = saved;
    const inputs = { dy: dy as tf.Tensor, x, grid };
    const { padding } = attributes as Record<string, string>;
    // Each is computed where it is asked for: images are seldom what is learnt.
    const gradientOf = (of: "x" | "grid") => () => {
      const [result] = tf.engine().runKernel("GridSampleGrad", inputs, {
        padding,
        of,
      }) as tf.Tensor[];
      return result;
    };
    return { x: gradientOf("x"), grid: gradientOf("grid") };
  },
};
