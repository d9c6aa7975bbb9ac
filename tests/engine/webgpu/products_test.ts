import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../lib/errors.ts";
import { randomStream } from "../../../lib/random.ts";
import { differences } from "../../oracles/dense.ts";
import {
  convolutionGradients,
  CONVOLUTIONS,
  convolved,
  matrixProduct,
  type Sliding,
} from "../../oracles/products.ts";
import { assertClose, draw, runKernel, tensor } from "../kernels/support.ts";
import { FORMS } from "./forms.ts";
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
  // Enough results, and cut all the same where A is transposed.
  [70, 1100, 41],
];

Deno.test("the oracle's gradients of a convolution are the derivatives of its convolution", () => {
  const random = randomStream(Date.now());
  const sliding: Sliding = { stride: [2, 1], dilation: [1, 2], rows: [1, 0], columns: [2, 3] };
  const x = draw(random, [2, 5, 6, 3]), filter = draw(random, [3, 2, 3, 2]);
  const dy = draw(random, convolved(x, filter, sliding).shape);
  const { dx, dfilter } = convolutionGradients(x, filter, dy, sliding);
  // The convolution is linear in each, so that any step gives the exact derivative.
  const expected = {
    dx: differences((x) => convolved(x, filter, sliding), x, dy, 1),
    dfilter: differences((filter) => convolved(x, filter, sliding), filter, dy, 1),
  };
  Array.from(dx.values).forEach((value, i) =>
    assertAlmostEquals(value, expected.dx.values[i], 1e-9)
  );
  Array.from(dfilter.values).forEach((value, i) =>
    assertAlmostEquals(value, expected.dfilter.values[i], 1e-9)
  );
});

for (const [form, tiles] of FORMS) {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const name = `${transposeA ? "a^T" : "a"} ${transposeB ? "b^T" : "b"}`;
      gpuTest(`matMul of ${name} agrees with its definition ${form}`, (random) => {
        for (const [m, k, n] of SIZES) {
          const a = draw(random, transposeA ? [k, m] : [m, k]);
          const b = draw(random, transposeB ? [n, k] : [k, n]);
          const got = tf.matMul(tensor(a), tensor(b), transposeA, transposeB);
          assertClose(got, matrixProduct(a, b, transposeA, transposeB), 1e-4, `${[m, k, n]}`);
        }
      }, { tiles });
    }
  }

  gpuTest(`matMul broadcasts outer axes ${form}`, (random) => {
    for (const [outerA, outerB] of [[[3], [3]], [[3], [1]], [[], [2]], [[2, 3], [3]]]) {
      const a = draw(random, [...outerA, 4, 5]), b = draw(random, [...outerB, 5, 6]);
      const got = tf.matMul(tensor(a), tensor(b));
      assertClose(got, matrixProduct(a, b, false, false), 1e-5, `[${outerA}] and [${outerB}]`);
    }
  }, { tiles });

  gpuTest(`_FusedMatMul adds the bias and activates ${form}`, (random) => {
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
  }, { tiles });

  for (const [shape, filterShape, stride, [rows, columns], dilation] of CONVOLUTIONS) {
    const sliding: Sliding = { stride, dilation, rows, columns };
    const pad: tf.backend_util.ExplicitPadding = [[0, 0], rows, columns, [0, 0]];
    // By kernel, since tfjs-core's functions refuse strides and gradients beside dilations.
    const attrs = { strides: stride, pad, dataFormat: "NHWC", dilations: dilation };

    gpuTest(
      `conv2d of [${shape}] by [${filterShape}] agrees with its definition ${form}`,
      (random) => {
        const x = draw(random, shape), filter = draw(random, filterShape);
        const [y] = runKernel("Conv2D", { x: tensor(x), filter: tensor(filter) }, attrs);
        assertClose(y, convolved(x, filter, sliding), 1e-5);
      },
      { tiles },
    );

    gpuTest(
      `the gradients of [${shape}] by [${filterShape}] are the derivatives ${form}`,
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
      { tiles },
    );
  }

  gpuTest(`FusedConv2D adds the bias and activates ${form}`, (random) => {
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
  }, { tiles });
}
