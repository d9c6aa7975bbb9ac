import * as tf from "@tensorflow/tfjs-core";
import { assertThrows } from "@std/assert";
import { DeviceError } from "../../../lib/errors.ts";
import { type Dense, differences } from "../../oracles/dense.ts";
import { convolved, matrixProduct, type Sliding } from "../../oracles/products.ts";
import { assertClose, draw, runKernel, tensor } from "../kernels/support.ts";
import { gpuTest } from "./support.ts";

/** Odd, single, whole in fours, and deep enough to be cut along K. */
const SIZES = [
  [1, 1, 1],
  [5, 7, 3],
  [8, 16, 8],
  [33, 20, 65],
  [1, 300, 1],
  [9, 12, 1],
  [1, 9, 40],
  [4, 1000, 6],
  [12, 515, 16],
];

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    const name = `${transposeA ? "a^T" : "a"} ${transposeB ? "b^T" : "b"}`;
    gpuTest(`matMul of ${name} agrees with its definition`, (random) => {
      for (const [m, k, n] of SIZES) {
        const a = draw(random, transposeA ? [k, m] : [m, k]);
        const b = draw(random, transposeB ? [n, k] : [k, n]);
        const got = tf.matMul(tensor(a), tensor(b), transposeA, transposeB);
        assertClose(got, matrixProduct(a, b, transposeA, transposeB), 1e-4, `${[m, k, n]}`);
      }
    });
  }
}

gpuTest("matMul broadcasts outer axes", (random) => {
  for (const [outerA, outerB] of [[[3], [3]], [[3], [1]], [[], [2]], [[2, 3], [3]]]) {
    const a = draw(random, [...outerA, 4, 5]), b = draw(random, [...outerB, 5, 6]);
    const got = tf.matMul(tensor(a), tensor(b));
    assertClose(got, matrixProduct(a, b, false, false), 1e-5, `[${outerA}] and [${outerB}]`);
  }
});

gpuTest("_FusedMatMul adds the bias and activates", (random) => {
  const a = draw(random, [5, 7]), b = draw(random, [7, 6]), bias = draw(random, [6]);
  const inputs = { a: tensor(a), b: tensor(b), bias: tensor(bias) };
  const plain = matrixProduct(a, b, false, false);
  const activations: [string, (x: number) => number][] = [
    ["linear", (x) => x],
    ["relu", (x) => Math.max(0, x)],
    ["relu6", (x) => Math.min(6, Math.max(0, x))],
    ["elu", (x) => x < 0 ? Math.expm1(x) : x],
    ["sigmoid", (x) => 1 / (1 + Math.exp(-x))],
    ["leakyrelu", (x) => x < 0 ? 0.3 * x : x],
  ];
  const attrs = { transposeA: false, transposeB: false, leakyreluAlpha: 0.3 };
  for (const [activation, f] of activations) {
    const [got] = runKernel("_FusedMatMul", inputs, { ...attrs, activation });
    const values = Array.from(plain.values, (value, i) => f(value + bias.values[i % 6]));
    assertClose(got, { shape: plain.shape, values }, 1e-5, activation);
  }
  assertThrows(
    () => runKernel("_FusedMatMul", inputs, { ...attrs, activation: "swish" }),
    DeviceError,
    "got swish",
  );
});

type Pair = [number, number];
type Convolution = [x: number[], filter: number[], stride: Pair, pad: [Pair, Pair], dilation: Pair];

const CONVOLUTIONS: Convolution[] = [
  [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [[0, 0], [0, 0]], [1, 1]],
  [[2, 5, 7, 3], [3, 3, 3, 5], [1, 1], [[1, 1], [1, 1]], [1, 1]],
  [[1, 6, 9, 4], [3, 2, 4, 8], [2, 1], [[0, 1], [1, 0]], [1, 1]],
  [[2, 8, 5, 8], [1, 1, 8, 4], [2, 2], [[0, 0], [0, 0]], [1, 1]],
  [[1, 9, 11, 2], [7, 7, 2, 4], [2, 2], [[3, 3], [3, 3]], [1, 1]],
  [[1, 7, 8, 4], [3, 3, 4, 1], [1, 1], [[2, 2], [2, 2]], [2, 2]],
  [[1, 3, 40, 5], [3, 3, 5, 9], [1, 3], [[1, 1], [0, 0]], [1, 1]],
];

for (const [shape, filterShape, stride, [rows, columns], dilation] of CONVOLUTIONS) {
  const sliding: Sliding = { stride, dilation, rows, columns };
  const pad: tf.backend_util.ExplicitPadding = [[0, 0], rows, columns, [0, 0]];
  const run = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad, "NHWC", dilation);

  gpuTest(`conv2d of [${shape}] by [${filterShape}] agrees with its definition`, (random) => {
    const x = draw(random, shape), filter = draw(random, filterShape);
    assertClose(run(tensor(x), tensor(filter)), convolved(x, filter, sliding), 1e-5);
  });

  // tfjs-core defines the gradients for undilated convolutions alone.
  if (dilation[0] > 1) continue;
  gpuTest(`the gradients of [${shape}] by [${filterShape}] are the derivatives`, (random) => {
    const x = draw(random, shape), filter = draw(random, filterShape);
    const dy = draw(random, convolved(x, filter, sliding).shape);
    const [dx, dfilter] = tf.grads(run)([tensor(x), tensor(filter)], tensor(dy));
    // The forward pass is linear in each, so that any step gives the exact derivative.
    assertClose(dx, differences((x) => convolved(x, filter, sliding), x, dy, 1), 1e-4, "dx");
    const byFilter = (filter: Dense) => convolved(x, filter, sliding);
    assertClose(dfilter, differences(byFilter, filter, dy, 1), 1e-4, "dfilter");
  });
}

gpuTest("FusedConv2D adds the bias and activates", (random) => {
  const x = draw(random, [1, 4, 5, 4]), filter = draw(random, [3, 3, 4, 6]);
  const bias = draw(random, [6]);
  const got = tf.fused.conv2d({
    x: tensor<tf.Tensor4D>(x),
    filter: tensor<tf.Tensor4D>(filter),
    strides: 1,
    pad: 1,
    bias: tensor(bias),
    activation: "relu",
  });
  const plain = convolved(x, filter, {
    stride: [1, 1],
    dilation: [1, 1],
    rows: [1, 1],
    columns: [1, 1],
  });
  const values = Array.from(plain.values, (v, i) => Math.max(0, v + bias.values[i % 6]));
  assertClose(got, { shape: plain.shape, values }, 1e-5);
});
