import * as tf from "@tensorflow/tfjs-core";
import { at, build, type Dense } from "../../oracles/dense.ts";
import { assertClose, draw, nativeTest, tensor } from "./support.ts";

const OUTER: [a: number[], b: number[]][] = [
  [[], []],
  [[3], [3]],
  [[3], []],
  [[], [2, 3]],
  [[1, 2], [2, 1]],
  [[2, 1], [1, 2]],
  [[2, 1], [2]],
  [[2], [2, 2]],
  [[2, 1], [3]],
  [[3, 1, 2], [2, 1]],
  [[2, 3], [1, 3]],
  [[2, 3], [2, 1]],
  [[1, 1], [4]],
];

/** Plain loops. */
function product(a: Dense, b: Dense, outer: number[]): Dense {
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  return build([...outer, m, n], (indices) => {
    const [row, column] = indices.slice(-2), batch = indices.slice(0, -2);
    let sum = 0;
    for (let c = 0; c < k; c++) sum += at(a, [...batch, row, c]) * at(b, [...batch, c, column]);
    return sum;
  });
}

nativeTest("matMul broadcasts outer axes", "cpcdr_matmul", (random) => {
  for (const [outerA, outerB] of OUTER) {
    const a = draw(random, [...outerA, 3, 5]), b = draw(random, [...outerB, 5, 4]);
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
    const expected = product(a, b, outer), what = `[${outerA}] with [${outerB}]`;
    assertClose(tf.matMul(tensor(a), tensor(b)), expected, 1e-5, what);
    const [ta, tb] = [a, b].map((x) => {
      const order = x.shape.map((_, axis) => axis);
      return tf.transpose(tensor(x), [...order.slice(0, -2), ...order.slice(-2).toReversed()]);
    });
    assertClose(tf.matMul(ta, tb, true, true), expected, 1e-5, `${what}, transposed`);
  }
});
