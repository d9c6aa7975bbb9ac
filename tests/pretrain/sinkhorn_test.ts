import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { sinkhorn } from "../../lib/pretrain/sinkhorn.ts";
import { randomStream } from "../../lib/random.ts";
import { sinkhornByLoops } from "../oracles/sinkhorn.ts";

await useDevice("cpu");

function run(rows: number[][], present: number[], epsilon: number, iterations: number): number[][] {
  return tf.tidy(() =>
    sinkhorn(tf.tensor2d(rows), tf.tensor1d(present), { epsilon, iterations }).arraySync()
  );
}

Deno.test("sinkhorn() gives a 2 x 2 case worked by hand", () => {
  // Kernel [[2,1],[1,1]] (epsilon 1, logarithms). Columns: [[2/3,1/2],[1/3,1/2]]; then rows:
  // [2/3,1/2] / (7/6) and [1/3,1/2] / (5/6).
  const q = run([[Math.log(2), 0], [0, 0]], [1, 1], 1, 1);
  [4 / 7, 3 / 7, 2 / 5, 3 / 5].forEach((x, i) => assertAlmostEquals(q.flat()[i], x, 1e-6));
});

Deno.test("sinkhorn() agrees with loops in double precision", () => {
  const seed = Date.now();
  const random = randomStream(seed);
  for (const [n, k, epsilon, iterations] of [[1, 1, 0.05, 3], [1, 5, 0.05, 3], [7, 1, 0.1, 2]]) {
    compare(n, k, epsilon, iterations);
  }
  compare(33, 13, 0.05, 3);
  compare(21, 40, 0.1, 7);
  function compare(n: number, k: number, epsilon: number, iterations: number) {
    const rows = Array.from(
      { length: n },
      () => Array.from({ length: k }, () => Math.fround(random.uniform(-1, 1))),
    );
    const expected = sinkhornByLoops(rows, epsilon, iterations).flat();
    run(rows, rows.map(() => 1), epsilon, iterations).flat()
      .forEach((q, i) => assertAlmostEquals(q, expected[i], 2e-5, `seed ${seed} ${n}x${k}`));
  }
});

Deno.test("sinkhorn() uses prototypes equally though one is nearest to all", () => {
  const rows = Array.from({ length: 6 }, (_, i) => [0.9, 0.1 * i, 0.5 - 0.1 * i]);
  const q = run(rows, rows.map(() => 1), 0.05, 50);
  for (const k of [0, 1, 2]) {
    assertAlmostEquals(q.reduce((sum, row) => sum + row[k], 0), 2, 0.02);
  }
  for (const row of q) assertAlmostEquals(row[0] + row[1] + row[2], 1, 1e-5);
});

Deno.test("sinkhorn() leaves absent rows at 0 and out of the balance", () => {
  const rows = [[0.3, -0.2, 0.1], [0.9, 0.9, -1], [-0.4, 0.2, 0], [1, -1, 1]];
  const q = run(rows, [1, 0, 1, 0], 0.1, 3);
  const expected = sinkhornByLoops([rows[0], rows[2]], 0.1, 3).flat();
  [...q[0], ...q[2]].forEach((x, i) => assertAlmostEquals(x, expected[i], 1e-5));
  assertEquals([...q[1], ...q[3]], [0, 0, 0, 0, 0, 0]);
});

Deno.test("sinkhorn() holds the widest range that the settings allow", () => {
  const q = run([[1, -1], [-1, -1], [1, -1]], [1, 1, 1], 0.025, 3).flat();
  q.forEach((x) => assertEquals(Number.isFinite(x), true));
  const expected = sinkhornByLoops([[1, -1], [-1, -1], [1, -1]], 0.025, 3).flat();
  q.forEach((x, i) => assertAlmostEquals(x, expected[i], 1e-5));
});

Deno.test("sinkhorn() without iterations is a softmax", () => {
  const q = run([[Math.log(3), 0]], [1], 1, 0).flat();
  assertAlmostEquals(q[0], 0.75, 1e-6);
});
