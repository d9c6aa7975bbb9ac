import * as tf from "@tensorflow/tfjs-core";
import { assert } from "@std/assert";
import { broadcast, build, type Dense } from "../../oracles/dense.ts";
import { assertClose, draw, kernelTest, nativeTest, runKernel, tensor } from "./support.ts";

const PAIRS = [
  [[7], [7]],
  [[3, 5], []],
  [[], [3, 5]],
  [[4, 3, 2], [2]],
  [[300, 3], [3]],
  [[3], [300, 3]],
  [[300, 3], [300, 1]],
  [[300, 1], [300, 2]],
  [[140, 5], [140, 1]],
  [[7], [300, 1]],
  [[2, 3, 5, 7], [1, 3, 1, 7]],
  [[2, 1, 5], [2, 3, 1]],
  [[1, 1], [1]],
  [[130, 1], [1, 130]],
  [[1000], [1]],
  [[2, 2, 2, 2, 2], [1, 2, 1, 2, 1]],
  [[2, 3, 2, 3, 2, 3], [1, 3, 1, 3, 1, 3]],
];

type Binary = [name: string, f: (x: number, y: number) => number, exact: boolean];

const ARITHMETIC: Binary[] = [
  ["Add", (x, y) => x + y, false],
  ["Sub", (x, y) => x - y, false],
  ["Multiply", (x, y) => x * y, false],
  ["RealDiv", (x, y) => x / y, false],
  ["Maximum", Math.max, true],
  ["Minimum", Math.min, true],
  ["SquaredDifference", (x, y) => (x - y) ** 2, false],
  ["Greater", (x, y) => Number(x > y), true],
  ["GreaterEqual", (x, y) => Number(x >= y), true],
  ["Less", (x, y) => Number(x < y), true],
  ["LessEqual", (x, y) => Number(x <= y), true],
  ["Equal", (x, y) => Number(x === y), true],
  ["NotEqual", (x, y) => Number(x !== y), true],
];

/** Coarse values, so that some are equal. */
function rounded({ shape, values }: Dense): Dense {
  return { shape, values: Float32Array.from(values, (value) => Math.round(value * 4) / 4) };
}

for (const [name, f, exact] of ARITHMETIC) {
  kernelTest(`${name} broadcasts`, "cpcdr_binary", (random) => {
    for (const [shapeA, shapeB] of PAIRS) {
      const a = exact ? rounded(draw(random, shapeA)) : draw(random, shapeA);
      const b = exact ? rounded(draw(random, shapeB)) : draw(random, shapeB);
      const [got] = runKernel(name, { a: tensor(a), b: tensor(b) });
      assertClose(got, broadcast(a, b, f), exact ? 0 : 1e-6, `[${shapeA}] with [${shapeB}]`);
    }
  });
}

kernelTest("binary kernels keep NaN and infinities as tfjs does", "cpcdr_binary", () => {
  const special = [NaN, -Infinity, -1, -0, 0, 2, Infinity];
  const a = { shape: [7, 1], values: special }, b = { shape: [1, 7], values: special };
  for (const [name, f] of ARITHMETIC) {
    const [got] = runKernel(name, { a: tensor(a), b: tensor(b) });
    assertClose(got, broadcast(a, b, f), 0, name);
  }
});

kernelTest("AddN adds in order", "cpcdr_binary", (random) => {
  const parts = [1, 2, 3].map(() => draw(random, [3, 41]));
  const sum = build([3, 41], ([i, j]) => parts.reduce((s, p) => s + p.values[i * 41 + j], 0));
  assertClose(tf.addN(parts.map((part) => tensor(part))), sum, 1e-6);
});

kernelTest("Select and logic follow their conditions", "cpcdr_logical", (random) => {
  const shape = [5, 37];
  const [a, b, c, d] = [1, 2, 3, 4].map(() => draw(random, shape));
  const less = tf.less(tensor(a), tensor(b)), positive = tf.greater(tensor(c), 0);
  const check = (got: tf.Tensor, f: (less: boolean, positive: boolean, i: number) => number) => {
    const values = Array.from(a.values, (x, i) => f(x < b.values[i], c.values[i] > 0, i));
    assertClose(got, { shape, values }, 0);
  };
  const chosen = tf.where(less, tensor(c), tensor(d));
  check(chosen, (less, _, i) => less ? c.values[i] : d.values[i]);
  check(tf.logicalAnd(less, positive), (less, positive) => Number(less && positive));
  check(tf.logicalOr(less, positive), (less, positive) => Number(less || positive));
  check(tf.logicalNot(less), (less) => Number(!less));
});

type Unary = [
  name: string,
  f: (x: number) => number,
  attrs?: Record<string, number>,
  /** Units in the last place of the result, 0 where it must be exact. */
  ulps?: number,
];

const UNARY: Unary[] = [
  ["Neg", (x) => -x],
  ["Abs", Math.abs],
  ["Square", (x) => x * x, {}, 1],
  ["Sqrt", Math.sqrt, {}, 1],
  ["Rsqrt", (x) => 1 / Math.sqrt(x), {}, 2],
  ["Reciprocal", (x) => 1 / x, {}, 1],
  ["Exp", Math.exp, {}, 2],
  ["Log", Math.log, {}, 2],
  ["Log1p", Math.log1p, {}, 4],
  ["Sigmoid", (x) => 1 / (1 + Math.exp(-x)), {}, 4],
  ["Tanh", Math.tanh, {}, 4],
  ["Softplus", (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), {}, 4],
  ["Elu", (x) => x >= 0 ? x : Math.expm1(x), {}, 4],
  ["Relu", (x) => x < 0 ? 0 : x],
  ["Relu6", (x) => x < 0 ? 0 : x > 6 ? 6 : x],
  ["LeakyRelu", (x) => x < 0 ? x * 0.25 : x, { alpha: 0.25 }, 1],
  ["ClipByValue", (x) => x > 0.5 ? 0.5 : x < -1 ? -1 : x, { clipValueMin: -1, clipValueMax: 0.5 }],
  ["Step", (x) => x > 0 ? 1 : x !== x ? x : 0.125, { alpha: 0.125 }],
  ["Floor", Math.floor],
  ["Ceil", Math.ceil],
  ["Sign", (x) => x < 0 ? -1 : x > 0 ? 1 : 0],
];

const SPECIAL = [NaN, -Infinity, Infinity, 0, -0, 1, -1, 1e-38, -1e-38, 1e-45, 3e38, -3e38];

/** Distance in floats between a float and the one nearest to a number. */
function ulpsApart(got: number, expected: number): number {
  const near = Math.fround(expected);
  if (Object.is(got, near) || got === near) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(near)) return Infinity;
  const spacing = Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(near))) - 23));
  return Math.abs(got - expected) / spacing;
}

for (const [name, f, attrs = {}, ulps = 0] of UNARY) {
  nativeTest(
    `${name} is within ${ulps} ulp, special values among them`,
    "cpcdr_unary",
    (random) => {
      const values = Float32Array.from([
        ...SPECIAL,
        // Every magnitude from denormals to the largest, both signs, and many around 1.
        ...Array.from({ length: 600 }, (_, i) => (i % 2 ? 1 : -1) * 2 ** random.uniform(-149, 128)),
        ...Array.from({ length: 2000 }, () => random.normal(0, 30)),
        ...Array.from({ length: 2001 }, () => random.normal(0, 1)),
      ]);
      const x = { shape: [values.length], values };
      const got = runKernel(name, { x: tensor(x) }, attrs)[0].dataSync();
      values.forEach((value, i) => {
        const apart = ulpsApart(got[i], f(value));
        const expected = Math.fround(f(value));
        assert(apart <= ulps, `${name}(${value}): expected ${expected}, got ${got[i]}`);
      });
    },
  );
}

kernelTest("EluGrad is elu's derivative by its result", "cpcdr_binary", (random) => {
  const [dy, x] = [draw(random, [211]), draw(random, [211])];
  const [got] = runKernel("EluGrad", { dy: tensor(dy), y: tf.elu(tensor(x)) });
  assertClose(got, broadcast(dy, x, (d, v) => d * (v >= 0 ? 1 : Math.exp(v))), 1e-6);
});
