import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { library, nativeTest } from "./support.ts";

nativeTest("fills overwrite what the memory held before", "cpcdr_unary", () => {
  for (const shape of [[3, 500], [0, 4], []]) {
    // Leaves memory of this size, full of other numbers, in the pool.
    tf.dispose(tf.exp(tf.fill(shape, 3)));
    for (
      const [got, value] of [
        [tf.fill(shape, 2.5), 2.5],
        [tf.zerosLike(tf.fill(shape, 7)), 0],
        [tf.onesLike(tf.fill(shape, 7)), 1],
      ] as const
    ) {
      assertEquals(got.shape, shape);
      assertEquals(got.dtype, "float32");
      assert(got.dataSync().every((element) => element === value));
    }
  }
  assertEquals(tf.onesLike(tf.tensor1d([5, 6], "int32")).dtype, "int32");
  const integers = tf.fill([3], 7, "int32");
  assertEquals([integers.dtype, ...integers.dataSync()], ["int32", 7, 7, 7]);
  tf.exp(tf.scalar(1));
});

Deno.test({
  name: "casts to float32 convert integers and bools",
  ignore: library === undefined,
  async fn() {
    await tf.setBackend("native");
    tf.tidy(() => {
      const integers = tf.cast(tf.tensor1d([-3, 0, 2 ** 30], "int32"), "float32");
      assertEquals(Array.from(integers.dataSync()), [-3, 0, 2 ** 30]);
      assert(integers.dataSync() instanceof Float32Array);
      const bools = tf.cast(tf.tensor1d([true, false], "bool"), "float32");
      assertEquals(Array.from(bools.dataSync()), [1, 0]);
      assertEquals(Array.from(tf.cast(tf.tensor1d([2.7, -2.7]), "int32").dataSync()), [2, -2]);
    });
  },
});
