import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { randomStream } from "../../../lib/random.ts";
import { along } from "../../oracles/dense.ts";
import { assertClose, draw, kernelTest, library, nativeTest, tensor } from "./support.ts";

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const CASES: [shape: number[], axes: number[]][] = [
  [[1], [0]],
  [[7, 1], [1]],
  [[100, 2], [1]],
  [[33, 3], [1]],
  [[33, 4], [1]],
  [[9, 31], [1]],
  [[9, 100], [1]],
  [[2, 3000], [0, 1]],
  [[200, 5], [0]],
  [[3, 17, 70], [0]],
  [[2, 90, 3], [1]],
  [[3, 4, 5, 6], [1, 2]],
  [[3, 4, 5, 6], [0, 1, 2]],
  [[3, 4, 5, 6], [2, 3]],
  [[2, 6000], [0]],
  [[70, 300], [0]],
  [[3, 4, 5], [0, 2]],
  [[2, 3, 4, 5, 2], [0, 2, 4]],
  [[4, 3, 30, 2], [3, 0, 1]],
];

for (
  const [name, reduce, f] of [
    ["sum", tf.sum, sum],
    ["mean", tf.mean, (values: number[]) => sum(values) / values.length],
    ["max", tf.max, (values: number[]) => Math.max(...values)],
    ["min", tf.min, (values: number[]) => Math.min(...values)],
  ] as const
) {
  kernelTest(`${name} over any axes`, "cpcdr_reduce", (random) => {
    for (const [shape, axes] of CASES) {
      const x = draw(random, shape);
      for (const keep of [false, true]) {
        const got = reduce(tensor(x), axes, keep);
        assertClose(got, along(x, axes, f, keep), 2e-5, `[${shape}] over [${axes}]`);
      }
    }
  });
}

kernelTest(
  "sum of a million tenths keeps six digits, where a float loop keeps two",
  "cpcdr_reduce",
  () => {
    const count = 1_000_000, expected = count * Math.fround(0.1);
    const x = tf.fill([count], 0.1);
    assertClose(tf.sum(x), { shape: [], values: [expected] }, 1e-6);
    assertClose(tf.sum(tf.reshape(x, [count / 2, 2]), 0), {
      shape: [2],
      values: [expected / 2, expected / 2],
    }, 1e-6);
  },
);

kernelTest("max and min keep NaN wherever it is", "cpcdr_reduce", () => {
  for (const length of [1, 3, 40, 100]) {
    for (const place of [0, length >> 1, length - 1]) {
      const values = Float32Array.from({ length }, (_, i) => i === place ? NaN : i);
      for (const reduce of [tf.max, tf.min]) {
        assertClose(reduce(tf.tensor1d(values)), { shape: [], values: [NaN] }, 0);
        const columns = tf.stack([tf.tensor1d(values), tf.zeros([length])], 1);
        assertClose(reduce(columns, 0), { shape: [2], values: [NaN, 0] }, 0);
      }
    }
  }
  const least = tf.max(tf.tensor1d([-Infinity, -Infinity]));
  assertClose(least, { shape: [], values: [-Infinity] }, 0);
});

kernelTest("argMax answers the first of the largest", "cpcdr_arg_max", (random) => {
  const place = (values: number[]) => values.indexOf(Math.max(...values));
  for (const [shape, axis] of [[[9, 5], 1], [[7, 70], 1], [[6, 5, 4], 1], [[3], 0], [[5, 1], 0]]) {
    const exact = draw(random, shape as number[]);
    // Coarse values, so that the largest occurs more than once.
    const x = { ...exact, values: Float32Array.from(exact.values, Math.round) };
    const got = tf.argMax(tensor(x), axis as number);
    assertEquals(got.dtype, "int32");
    assertClose(got, along(x, [axis as number], place), 0, `[${shape}]`);
  }
  const check = (values: number[], index: number) =>
    assertClose(tf.argMax(tf.tensor1d(values)), { shape: [], values: [index] }, 0, `${values}`);
  check([1, NaN, 3], 2);
  check([NaN, 1, 3], 0);
  check(new Array(40).fill(-Infinity), 0);
});

nativeTest("sums give the same bytes on any threads", "cpcdr_reduce", () => {
  const results = [1, 2, 3].map((threads) => {
    library!.setThreads(threads);
    const x = tensor(draw(randomStream(3), [300, 71, 13]));
    return [undefined, 0, 1, 2, [0, 1]].map((axis) => tf.sum(x, axis).dataSync());
  });
  library!.setThreads(0);
  assertEquals(results[1], results[0]);
  assertEquals(results[2], results[0]);
});
