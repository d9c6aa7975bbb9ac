import * as tf from "@tensorflow/tfjs-core";
import type { Random } from "../../../lib/random.ts";
import { type Dense, differences } from "../../oracles/dense.ts";
import { pooled, windowOf } from "../../oracles/pooling.ts";
import { assertClose, draw, kernelTest, runKernel, tensor } from "./support.ts";

type Pair = [number, number];
const CASES: [shape: number[], filter: Pair, stride: Pair, pad: "same" | "valid"][] = [
  [[2, 5, 7, 3], [3, 3], [1, 1], "valid"],
  [[1, 6, 9, 1], [3, 3], [2, 2], "same"],
  [[1, 5, 4, 17], [3, 2], [2, 1], "same"],
  [[1, 8, 6, 2], [2, 2], [2, 2], "valid"],
  [[1, 2, 4, 70], [2, 3], [1, 2], "valid"],
  [[3, 1, 9, 5], [1, 4], [1, 3], "same"],
  [[1, 5, 3, 2], [5, 3], [1, 1], "valid"],
  [[1, 2, 2, 3], [3, 3], [1, 1], "same"],
];

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Values of which no two are within 0.01 of each other, for derivatives of maxima. */
function distinct(random: Random, shape: number[]): Dense {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = random.shuffle(Array.from({ length: size }, (_, i) => (i - size / 2) / 50));
  return { shape, values };
}

kernelTest("maxPool agrees with its definition", "cpcdr_max_pool", (random) => {
  for (const [shape, filter, stride, pad] of CASES) {
    const x = draw(random, shape);
    const expected = pooled(x, windowOf(shape, filter, stride, pad), (v) => Math.max(...v));
    assertClose(tf.maxPool(tensor<tf.Tensor4D>(x), filter, stride, pad), expected, 0, `[${shape}]`);
  }
});

kernelTest("avgPool averages the pixels of the image alone", "cpcdr_avg_pool", (random) => {
  for (const [shape, filter, stride, pad] of CASES) {
    const x = draw(random, shape);
    const expected = pooled(x, windowOf(shape, filter, stride, pad), average);
    assertClose(
      tf.avgPool(tensor<tf.Tensor4D>(x), filter, stride, pad),
      expected,
      1e-6,
      `[${shape}]`,
    );
  }
});

kernelTest("MaxPoolGrad is the derivative", "cpcdr_max_pool_grad", (random) => {
  for (const [shape, filterSize, strides, pad] of CASES) {
    const window = windowOf(shape, filterSize, strides, pad);
    const x = distinct(random, shape);
    const dy = draw(random, [shape[0], window.outHeight, window.outWidth, shape[3]]);
    const dx = tf.grad((x) => tf.maxPool(x as tf.Tensor4D, filterSize, strides, pad));
    const expected = differences((x) => pooled(x, window, (v) => Math.max(...v)), x, dy);
    assertClose(dx(tensor(x), tensor(dy)), expected, 1e-5, `[${shape}]`);
  }
});

kernelTest("MaxPoolGrad gives a tie to the first", "cpcdr_max_pool_grad", () => {
  const input = tf.ones([1, 2, 3, 1]), dy = tf.tensor4d([5, 7], [1, 1, 2, 1]);
  const attrs = { filterSize: 2, strides: 1, pad: "valid" };
  const [dx] = runKernel("MaxPoolGrad", { dy, input, output: dy }, attrs);
  assertClose(dx, { shape: [1, 2, 3, 1], values: [5, 7, 0, 0, 0, 0] }, 0);
});

kernelTest("AvgPoolGrad is the derivative within the border", "cpcdr_avg_pool_grad", (random) => {
  for (const [shape, filterSize, strides, pad] of CASES) {
    if (pad === "same") continue;
    const window = windowOf(shape, filterSize, strides, pad);
    const x = draw(random, shape);
    const dy = draw(random, [shape[0], window.outHeight, window.outWidth, shape[3]]);
    const dx = tf.grad((x) => tf.avgPool(x as tf.Tensor4D, filterSize, strides, pad));
    const expected = differences((x) => pooled(x, window, average), x, dy);
    assertClose(dx(tensor(x), tensor(dy)), expected, 1e-5, `[${shape}]`);
  }
});

kernelTest(
  "AvgPoolGrad shares by the filter's size at the border",
  "cpcdr_avg_pool_grad",
  (random) => {
    for (const [shape, filterSize, strides, pad] of CASES) {
      const window = windowOf(shape, filterSize, strides, pad);
      const x = draw(random, shape), size = filterSize[0] * filterSize[1];
      const dy = draw(random, [shape[0], window.outHeight, window.outWidth, shape[3]]);
      const dx = tf.grad((x) => tf.avgPool(x as tf.Tensor4D, filterSize, strides, pad));
      const share = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / size;
      const expected = differences((x) => pooled(x, window, share), x, dy);
      assertClose(dx(tensor(x), tensor(dy)), expected, 1e-5, `[${shape}]`);
    }
  },
);
