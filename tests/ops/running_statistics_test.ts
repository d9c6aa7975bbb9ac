import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { usePlainBackend } from "../../lib/engine/plain.ts";
import { moveStatistics, PendingStatistics } from "../../lib/ops/running_statistics.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { gpuTest } from "../engine/webgpu/support.ts";

const MOMENTUM = 0.1;

interface Case {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly batchMean: Float32Array;
  readonly batchVariance: Float32Array;
  readonly count: number;
}

function drawCase(random: Random): Case {
  const channels = 1 + random.integer(70);
  const some = (draw: () => number) => Float32Array.from({ length: channels }, draw);
  return {
    mean: some(() => random.normal(0, 5)),
    variance: some(() => random.uniform(0, 9)),
    batchMean: some(() => random.normal(0, 5)),
    batchVariance: some(() => random.uniform(0, 9)),
    count: 2 + random.integer(5000),
  };
}

/** Mean and variance after one move on the current engine; what moves in place is a copy. */
async function moved({ mean, variance, batchMean, batchVariance, count }: Case) {
  const running = {
    mean: tf.tidy(() => tf.variable(tf.tensor1d(mean.slice()))),
    variance: tf.tidy(() => tf.variable(tf.tensor1d(variance.slice()))),
  };
  const batch = { mean: tf.tensor1d(batchMean), variance: tf.tensor1d(batchVariance) };
  moveStatistics(running, batch, { momentum: MOMENTUM, count });
  const results = [await running.mean.data(), await running.variance.data()];
  tf.dispose([running.mean, running.variance, batch.mean, batch.variance]);
  return results;
}

/** PyTorch's rule in double precision; floats add numbers of these sizes to 7 digits. */
function assertMoved([mean, variance]: ArrayLike<number>[], drawn: Case): void {
  const unbias = drawn.count / (drawn.count - 1);
  const check = (actual: number, from: number, to: number, what: string) => {
    const expected = from + MOMENTUM * (to - from);
    const most = 3e-7 * (Math.abs(from) + Math.abs(to));
    assert(Math.abs(actual - expected) <= most, `${what}: ${actual}, expected ${expected}`);
  };
  drawn.mean.forEach((from, c) => check(mean[c], from, drawn.batchMean[c], `mean ${c}`));
  drawn.variance.forEach((from, c) =>
    check(variance[c], from, unbias * drawn.batchVariance[c], `variance ${c}`)
  );
}

Deno.test("moveStatistics() follows PyTorch's rule, to the same bytes with and without a kernel", async () => {
  const seed = Date.now() % 1e6, random = randomStream(seed, "statistics");
  const cases = Array.from({ length: 50 }, () => drawCase(random));
  await useDevice("cpu");
  const ours = await Array.fromAsync(cases, moved);
  ours.forEach((results, n) => assertMoved(results, cases[n]));
  await usePlainBackend();
  const plain = await Array.fromAsync(cases, moved);
  plain.forEach((results, n) => assertEquals(results, ours[n], `seed ${seed}, case ${n}`));
});

gpuTest("moveStatistics() follows PyTorch's rule", async (random) => {
  for (let n = 0; n < 5; n++) {
    const drawn = drawCase(random);
    assertMoved(await moved(drawn), drawn);
  }
});

Deno.test("PendingStatistics.apply() does what was noted, in order and to the same bytes", async () => {
  const random = randomStream(Date.now() % 1e6, "pending");
  await useDevice("cpu");
  const first = drawCase(random), channels = first.mean.length;
  const batchMean = Float32Array.from({ length: channels }, () => random.normal());
  const second = { ...first, batchMean, count: 7 };
  const run = async (wait: boolean, wanted = true) => {
    const before = tf.memory().numTensors;
    const running = tf.tidy(() => ({
      mean: tf.variable(tf.tensor1d(first.mean.slice())),
      variance: tf.variable(tf.tensor1d(first.variance.slice())),
    }));
    const pending = new PendingStatistics();
    for (const { batchMean, batchVariance, count } of [first, second]) {
      tf.tidy(() => {
        const batch = { mean: tf.tensor1d(batchMean), variance: tf.tensor1d(batchVariance) };
        const move = { momentum: MOMENTUM, count };
        if (wait) pending.add(running, batch, move);
        else moveStatistics(running, batch, move);
      });
    }
    if (wanted) pending.apply();
    else pending.dispose();
    const results = [await running.mean.data(), await running.variance.data()];
    tf.dispose([running.mean, running.variance]);
    assertEquals(tf.memory().numTensors, before);
    return results;
  };
  assertEquals(await run(true), await run(false));
  assertEquals(await run(true, false), [first.mean, first.variance]);
});

Deno.test("moveStatistics() is not recorded, and leaves nothing but the variables", async () => {
  await useDevice("cpu");
  const x = tf.tensor1d([1, 2]), before = tf.memory().numTensors;
  const running = tf.tidy(() => ({
    mean: tf.variable(tf.zeros([2])),
    variance: tf.variable(tf.ones([2])),
  }));
  const gradient = tf.grad((x: tf.Tensor) => {
    const batch = { mean: x, variance: tf.square(x) };
    moveStatistics(running, batch, {
      momentum: 1,
      count: 2,
    });
    return tf.sum(tf.mul(x, 3));
  })(x);
  assertEquals([...gradient.dataSync()], [3, 3]);
  assertEquals([...running.mean.dataSync()], [1, 2]);
  assertEquals([...running.variance.dataSync()], [2, 8]);
  tf.dispose([gradient, running.mean, running.variance]);
  assertEquals(tf.memory().numTensors, before);
  x.dispose();
});
