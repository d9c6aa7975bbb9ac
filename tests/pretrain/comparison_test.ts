import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertRejects } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { readComparison } from "../../lib/pretrain/comparison.ts";

await useDevice("cpu", { threads: 1 });

Deno.test("readComparison() frees its tensors, whether they can be read or not", async () => {
  const before = tf.memory().numTensors;
  const fresh = () => ({
    lossAndEntropy: tf.tensor1d([Math.random(), 2]),
    nearest: tf.tensor1d([3, 1], "int32"),
  });
  const { entropy, nearest } = await readComparison(fresh());
  assertEquals([entropy, ...nearest], [2, 3, 1]);
  assertEquals(tf.memory().numTensors, before);
  for (const name of ["lossAndEntropy", "nearest"] as const) {
    const comparison = fresh();
    comparison[name].data = () => Promise.reject(new Error("the device is lost"));
    await assertRejects(() => readComparison(comparison), Error, "lost");
    assertEquals(tf.memory().numTensors, before, name);
  }
});
