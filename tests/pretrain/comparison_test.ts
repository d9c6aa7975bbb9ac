import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertRejects } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { countUsed, readComparison } from "../../lib/pretrain/comparison.ts";
import { sampleSet } from "./sample_set.ts";

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

Deno.test("countUsed() counts the prototypes of both levels once, and none of empty slots", () => {
  const level = (name: "pixel" | "region", groups: number[], nearest: number[]) => ({
    level: { name, weight: 1, samples: sampleSet(groups) },
    outcome: { loss: 1, entropy: 0, nearest: Int32Array.from(nearest) },
  });
  const [pixels, regions] = [
    level("pixel", [0, -1, 0, 1, -1], [7, 2, 7, 4, 9]),
    level("region", [-1, 0, 0], [5, 4, 8]),
  ];
  assertEquals(countUsed([pixels.level], [pixels.outcome]), 2);
  const both = [pixels, regions];
  assertEquals(countUsed(both.map(({ level }) => level), both.map(({ outcome }) => outcome)), 3);
});
