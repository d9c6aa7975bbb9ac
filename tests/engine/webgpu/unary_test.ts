import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { draw, runKernel, tensor } from "../kernels/support.ts";
import { gpuTest, later } from "./support.ts";

type Unary = [name: string, f: (x: number) => number, attrs?: Record<string, number>];

const OPERATIONS: Unary[] = [
  ["Abs", Math.abs],
  ["Acos", Math.acos],
  ["Acosh", Math.acosh],
  ["Asin", Math.asin],
  ["Asinh", Math.asinh],
  ["Atan", Math.atan],
  ["Atanh", Math.atanh],
  ["Ceil", Math.ceil],
  ["ClipByValue", (x) => Math.min(1.5, Math.max(-0.5, x)), {
    clipValueMin: -0.5,
    clipValueMax: 1.5,
  }],
  ["Cos", Math.cos],
  ["Cosh", Math.cosh],
  ["Elu", (x) => x < 0 ? Math.expm1(x) : x],
  ["Exp", Math.exp],
  ["Expm1", Math.expm1],
  ["Floor", Math.floor],
  ["LeakyRelu", (x) => x < 0 ? 0.2 * x : x, { alpha: 0.2 }],
  ["Log", Math.log],
  ["Log1p", Math.log1p],
  ["Neg", (x) => -x],
  ["Reciprocal", (x) => 1 / x],
  ["Relu", (x) => x < 0 ? 0 : x],
  ["Relu6", (x) => Math.min(6, Math.max(0, x))],
  ["Rsqrt", (x) => 1 / Math.sqrt(x)],
  ["Sigmoid", (x) => 1 / (1 + Math.exp(-x))],
  ["Sin", Math.sin],
  ["Sinh", Math.sinh],
  ["Softplus", (x) => x > 30 ? x : Math.log1p(Math.exp(x))],
  ["Sqrt", Math.sqrt],
  ["Square", (x) => x * x],
  ["Step", (x) => Number.isNaN(x) ? x : x > 0 ? 1 : 0.25, { alpha: 0.25 }],
  ["Tan", Math.tan],
  ["Tanh", Math.tanh],
];

/**
 * WGSL lets functions be off by some units in the last place, and by 2^-11 near the zeros of sine and
 * cosine: far less than training feels.
 */
const BOUND = 1e-5, ABSOLUTE = 2e-6;

for (const [name, f, attrs = {}] of OPERATIONS) {
  gpuTest(`${name} agrees with its definition, NaN and infinities too`, (random) => {
    const drawn = draw(random, [1001]).values;
    const values = Float32Array.from([NaN, Infinity, -Infinity, 1, -1, ...Array.from(drawn)]);
    const x = { shape: [values.length], values };
    later(runKernel(name, { x: tensor(x) }, attrs)[0], (got) =>
      values.forEach((value, i) => {
        // Sines of infinity are undefined in WGSL.
        if (["Sin", "Cos", "Tan"].includes(name) && !Number.isFinite(value)) return;
        const expected = f(value);
        const close = Object.is(got[i], expected) || got[i] === expected ||
          Math.abs(got[i] - expected) <= ABSOLUTE + BOUND * Math.abs(expected);
        assert(close, `${name}(${value}): expected ${expected}, got ${got[i]}`);
      }));
  });
}

gpuTest("angles of any size have their sine, cosine and tangent", (random) => {
  const values = Float32Array.from(
    { length: 1000 },
    () => random.normal() * 10 ** random.uniform(1, 38),
  );
  const x = tf.tensor1d(values);
  for (const [name, f] of [["Sin", Math.sin], ["Cos", Math.cos], ["Tan", Math.tan]] as const) {
    later(runKernel(name, { x })[0], (got) =>
      values.forEach((value, i) => {
        const expected = f(value);
        const close = Math.abs(got[i] - expected) <= 3e-6 * Math.max(1, Math.abs(expected));
        assert(close, `${name}(${value}): expected ${expected}, got ${got[i]}`);
      }));
  }
});

gpuTest("integers stay integers where the operation takes them", (random) => {
  const values = Int32Array.from({ length: 37 }, () => random.integer(2 ** 30) - 2 ** 29);
  for (const [name, f] of [["Abs", Math.abs], ["Neg", (x: number) => -x]] as const) {
    const [got] = runKernel(name, { x: tf.tensor1d(values, "int32") });
    assertEquals(got.dtype, "int32");
    later(got, (got) => assertEquals(Array.from(got), Array.from(values, f)));
  }
});
