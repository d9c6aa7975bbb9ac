/** Matrix products and convolutions of the native library; those of WebGPU are in ../webgpu/products_test.ts. */
import * as tf from "@tensorflow/tfjs-core";
import {
  convolutionGradients,
  CONVOLUTIONS,
  convolved,
  matrixProduct,
  type Sliding,
} from "../../oracles/products.ts";
import { assertClose, draw, nativeTest, runKernel, tensor } from "./support.ts";

nativeTest(
  "matMul agrees with its definition, either side transposed",
  "cpcdr_matmul",
  (random) => {
    for (const [m, k, n] of [[1, 1, 1], [5, 7, 3], [33, 20, 65], [1, 300, 1], [70, 410, 41]]) {
      for (
        const [transposeA, transposeB] of [[false, false], [true, false], [false, true], [
          true,
          true,
        ]]
      ) {
        const a = draw(random, transposeA ? [k, m] : [m, k]);
        const b = draw(random, transposeB ? [n, k] : [k, n]);
        const got = tf.matMul(tensor(a), tensor(b), transposeA, transposeB);
        const what = `${[m, k, n]}, ${[transposeA, transposeB]}`;
        assertClose(got, matrixProduct(a, b, transposeA, transposeB), 1e-4, what);
      }
    }
  },
);

nativeTest("matMul broadcasts outer axes of either side", "cpcdr_matmul", (random) => {
  for (const [outerA, outerB] of [[[3], [3]], [[3], [1]], [[1], [3]], [[], [2]], [[2], []]]) {
    const a = draw(random, [...outerA, 4, 5]), b = draw(random, [...outerB, 5, 6]);
    const got = tf.matMul(tensor(a), tensor(b));
    assertClose(got, matrixProduct(a, b, false, false), 1e-5, `[${outerA}] and [${outerB}]`);
  }
});

nativeTest("_FusedMatMul adds the bias and activates", "cpcdr_matmul", (random) => {
  const a = draw(random, [5, 7]), b = draw(random, [7, 6]), bias = draw(random, [6]);
  const inputs = { a: tensor(a), b: tensor(b), bias: tensor(bias) };
  const plain = matrixProduct(a, b, false, false);
  const activations: [string, (x: number) => number][] = [
    ["linear", (x) => x],
    ["relu", (x) => Math.max(0, x)],
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
});

for (const [shape, filterShape, stride, [rows, columns], dilation] of CONVOLUTIONS) {
  const sliding: Sliding = { stride, dilation, rows, columns };
  const pad: tf.backend_util.ExplicitPadding = [[0, 0], rows, columns, [0, 0]];
  // By kernel, since tfjs-core's functions refuse strides and gradients beside dilations.
  const attrs = { strides: stride, pad, dataFormat: "NHWC", dilations: dilation };
  const what = `[${shape}] by [${filterShape}] in steps of ${stride}`;

  nativeTest(`conv2d of ${what} agrees with its definition`, "cpcdr_conv2d", (random) => {
    const x = draw(random, shape), filter = draw(random, filterShape);
    const [y] = runKernel("Conv2D", { x: tensor(x), filter: tensor(filter) }, attrs);
    assertClose(y, convolved(x, filter, sliding), 1e-5);
  });

  nativeTest(
    `the gradients of ${what} are the derivatives`,
    "cpcdr_conv2d_filter_grad",
    (random) => {
      const x = draw(random, shape), filter = draw(random, filterShape);
      const dy = draw(random, convolved(x, filter, sliding).shape);
      const [dx] = runKernel("Conv2DBackpropInput", { dy: tensor(dy), filter: tensor(filter) }, {
        ...attrs,
        inputShape: shape,
      });
      const [dfilter] = runKernel("Conv2DBackpropFilter", { x: tensor(x), dy: tensor(dy) }, {
        ...attrs,
        filterShape,
      });
      const expected = convolutionGradients(x, filter, dy, sliding);
      assertClose(dx, expected.dx, 1e-4, "dx");
      assertClose(dfilter, expected.dfilter, 1e-4, "dfilter");
    },
  );
}

nativeTest("FusedConv2D adds the bias and activates", "cpcdr_conv2d", (random) => {
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
  const around: [number, number] = [1, 1];
  const sliding: Sliding = { stride: around, dilation: around, rows: around, columns: around };
  const plain = convolved(x, filter, sliding);
  const values = Array.from(plain.values, (v, i) => Math.max(0, v + bias.values[i % 6]));
  assertClose(got, { shape: plain.shape, values }, 1e-5);
});
