/** Memory that tensors lend and give back: what was read stays, what is seen elsewhere stays, nothing is lost. */
import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import type { NativeBackend } from "../../../lib/engine/native/backend.ts";
import { draw, nativeTest, tensor } from "./support.ts";

/** More than so few bytes that the pool leaves them alone. */
const SIZE = 3000;

/** Fills and frees memory of this size, again and again. */
function churn(): void {
  for (let round = 0; round < 8; round++) {
    const x = tf.fill([SIZE], round);
    tf.dispose([tf.exp(x), tf.greater(x, 100), x]);
  }
}

nativeTest(
  "values that were read stay as they are when the tensor is gone",
  "cpcdr_unary",
  async (random) => {
    const drawn = draw(random, [SIZE]);
    const wanted = Float32Array.from(drawn.values, (value) => -value);
    const synchronous = tf.neg(tensor(drawn)), awaited = tf.neg(tensor(drawn));
    const values = [synchronous.dataSync(), await awaited.data()];
    tf.dispose([synchronous, awaited]);
    churn();
    for (const read of values) assertEquals(Float32Array.from(read), wanted);
  },
);

nativeTest(
  "a part of a tensor stays when the tensor is gone, of any type",
  "cpcdr_binary",
  (random) => {
    const drawn = draw(random, [SIZE]);
    const x = tensor(drawn), zero = tf.scalar(0);
    const flags = tf.greater(x, zero), opposite = tf.neg(x);
    const parts = [flags, opposite].map((whole) => tf.slice(whole, [100], [SIZE - 200]));
    const shaped = tf.reshape(tf.slice(flags, [0], [SIZE - 1000]), [2, -1]);
    tf.dispose([flags, opposite]);
    churn();
    const inner = Array.from(drawn.values).slice(100, SIZE - 100);
    assertEquals(Array.from(parts[0].dataSync()), inner.map((value) => Number(value > 0)));
    assertEquals(Array.from(parts[1].dataSync()), inner.map((value) => -value));
    const first = Array.from(drawn.values).slice(0, SIZE - 1000);
    assertEquals(Array.from(shaped.dataSync()), first.map((value) => Number(value > 0)));
  },
);

nativeTest("reductions give back all but their result", "cpcdr_reduce", (random) => {
  const { pool } = tf.backend() as NativeBackend;
  const x = tensor(draw(random, [6, 20, 5, 20]));
  const before = pool.lentBytes;
  // Axes apart are reduced one after the other.
  tf.dispose([tf.sum(x, [0, 2]), tf.mean(x, [1, 3], true), tf.max(x, [0, 2])]);
  assertEquals(pool.lentBytes, before);
});
