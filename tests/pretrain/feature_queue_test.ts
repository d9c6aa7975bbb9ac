import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { FeatureQueue } from "../../lib/pretrain/feature_queue.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { swappedPrediction } from "../../lib/pretrain/prototype_loss.ts";
import { randomStream } from "../../lib/random.ts";
import { sinkhornByLoops } from "../oracles/sinkhorn.ts";
import { sampleSet } from "./sample_set.ts";
import { smallPretrainConfig } from "./small_config.ts";
import { syntheticBatch } from "./synthetic_batch.ts";

await useDevice("cpu");

Deno.test("FeatureQueue keeps the newest samples of each kind, newest first, once it is full", async () => {
  const tensors = tf.memory().numTensors;
  const queue = new FeatureQueue(4, 1);
  const push = (kind: string, values: number[], groups: number[]) =>
    tf.tidy(() => queue.push(kind, tf.tensor2d(values, [values.length, 1]), sampleSet(groups)));
  const rows = (kind: string) => queue.rows(kind) && [...queue.rows(kind)!.dataSync()];
  push("pixel", [1, 2, 3], [0, -1, 0]);
  push("region", [9], [-1]);
  assertEquals([rows("pixel"), rows("region")], [undefined, undefined]);
  push("pixel", [4, 5, 6], [1, 0, 1]);
  assertEquals(rows("pixel"), [4, 5, 6, 1]);
  // Of more than it holds, evenly chosen ones.
  push("pixel", [10, 11, 12, 13, 14, 15, 16, 17], [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(rows("pixel"), [10, 12, 14, 16]);
  push("region", [7, 8], [0, 0]);
  const state = await queue.export("queue.");
  assertEquals([...state.keys()], ["queue.pixel", "queue.region"]);
  const other = new FeatureQueue(4, 1);
  other.check(state, "queue.")();
  assertEquals(await other.export("queue."), state);
  assertThrows(
    () => new FeatureQueue(4, 2).check(state, "queue."),
    CheckpointError,
    "queue.pixel",
  );
  queue.dispose();
  other.dispose();
  assertEquals(tf.memory().numTensors, tensors);
});

Deno.test("earlier features balance prototypes, and nothing is predicted of them", () => {
  const seed = Date.now(), random = randomStream(seed, "queue");
  const rows = (count: number, size: number) =>
    Array.from({ length: count }, () => Array.from({ length: size }, () => random.normal()))
      .map((row) => row.map((x) => x / Math.hypot(...row)));
  const features = rows(7, 5), prototypes = rows(4, 5), earlier = rows(6, 5);
  const groups = [0, 1, -1, 0, 2, 1, 2], present = [0, 1, 3, 4, 5, 6];
  const options = { epsilon: 0.1, iterations: 3, temperature: 0.2 };
  const score = (f: number[]) => prototypes.map((p) => p.reduce((sum, x, c) => sum + x * f[c], 0));
  const assigned = sinkhornByLoops(
    [...present.map((i) => features[i]), ...earlier].map(score),
    options.epsilon,
    options.iterations,
  );
  const loss = (inputs: number[][]) =>
    present.reduce((sum, i) => {
      const members = present.flatMap((j, at) => groups[j] === groups[i] ? [assigned[at]] : []);
      const logits = score(inputs[i]).map((s) => s / options.temperature);
      const total = Math.log(logits.reduce((all, l) => all + Math.exp(l), 0));
      return sum - logits.reduce((all, logit, k) => {
            const target = members.reduce((m, q) => m + q[k], 0) / members.length;
            return all + target * (logit - total);
          }, 0) / present.length;
    }, 0);
  const of = (f: tf.Tensor, p: tf.Tensor, queue?: tf.Tensor2D) =>
    tf.sum(tf.slice(
      swappedPrediction(f as tf.Tensor2D, p as tf.Tensor2D, sampleSet(groups), options, queue)
        .lossAndEntropy,
      0,
      1,
    )) as tf.Scalar;
  tf.tidy(() => {
    const inputs = [tf.tensor2d(features), tf.tensor2d(prototypes)], queue = tf.tensor2d(earlier);
    const own = of(inputs[0], inputs[1], queue).dataSync()[0];
    assertAlmostEquals(own, loss(features), 1e-5, `seed ${seed}`);
    assert(
      Math.abs(own - of(inputs[0], inputs[1]).dataSync()[0]) > 1e-4,
      `seed ${seed}: no effect`,
    );
    const [gradient] = tf.grads((f, p) => of(f, p, queue))(inputs);
    const got = gradient.arraySync() as number[][];
    features.forEach((row, i) =>
      row.forEach((_, c) => {
        // The targets are constants, so that moving a feature moves its prediction alone.
        const moved = (by: number) =>
          loss(features.map((f, j) => i === j ? f.map((x, d) => d === c ? x + by : x) : f));
        const expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assertAlmostEquals(got[i][c], expected, 1e-4, `seed ${seed}: feature ${i}, ${c}`);
      })
    );
  });
});

Deno.test("Pretrainer with a queue resumes to the same bytes, and begins as it does without", async () => {
  const batches = [1, 2, 3].map((seed) => syntheticBatch(seed, 32, 64));
  const config = { ...smallPretrainConfig, queueLength: 150, queueStart: 2, steps: 12 };
  const run = async (pretrainer: Pretrainer, from: number, to: number) => {
    const losses: number[] = [];
    for (let step = from; step < to; step++) {
      losses.push((await pretrainer.step(batches[step % 3], step)).loss);
    }
    return losses;
  };
  for (const accumulate of [1, 3]) {
    const whole = new Pretrainer({ ...config, accumulate }, 5);
    const first = await run(whole, 0, 6), half = await whole.export();
    assertEquals(half.get("queue.pixel")?.shape, [150, config.embeddingSize]);
    const tensors = tf.memory().numTensors;
    const second = await run(whole, 6, 9);
    assertEquals(tf.memory().numTensors, tensors);
    const resumed = new Pretrainer({ ...config, accumulate }, 5);
    resumed.import(half);
    assertEquals(await run(resumed, 6, 9), second);
    assertEquals(await resumed.export(), await whole.export());
    const without = new Pretrainer({ ...config, accumulate, queueLength: 0 }, 5);
    const plain = [...await run(without, 0, 6), ...await run(without, 6, 9)];
    assertEquals(first.slice(0, 2), plain.slice(0, 2));
    assert([...first, ...second].some((loss, step) => loss !== plain[step]), "it takes part");
    for (const pretrainer of [whole, resumed, without]) pretrainer.dispose();
  }
});
