import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import type { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { conv2d } from "../../../lib/nn/layers.ts";
import { Adam } from "../../../lib/nn/optimizers.ts";
import { ParameterStore } from "../../../lib/nn/parameters.ts";
import { type Random, randomStream } from "../../../lib/random.ts";
import { gpuTest } from "./support.ts";
import { depthTraining, pretraining, type Trainee } from "./trainees.ts";

const STAGES = [["pretraining", pretraining], ["depth training", depthTraining]] as const;

/** What training may not make grow. */
function memory() {
  const backend = tf.backend() as WebGpuBackend;
  return {
    tensors: tf.memory().numTensors,
    bytes: tf.memory().numBytes,
    data: backend.numDataIds(),
    pool: backend.pool.idleBytes + backend.pool.lentBytes,
  };
}

/** Runs steps, and expects memory after the first few to stay as it is. */
async function assertFlat(steps: number, first: number, step: (n: number) => Promise<void>) {
  let expected: ReturnType<typeof memory> | undefined;
  for (let n = 0; n < steps; n++) {
    await step(n);
    if (n < first) continue;
    const now = memory();
    expected ??= now;
    assertEquals({ ...now, pool: 0 }, { ...expected, pool: 0 }, `step ${n}`);
    const limit = 1.05 * expected.pool;
    assert(now.pool <= limit, `the pool grows from ${expected.pool} to ${now.pool} bytes`);
  }
}

for (const [name, make] of STAGES) {
  gpuTest(`memory stays flat over steps of ${name}`, async () => {
    const trainee = make(1);
    await assertFlat(9, 4, async (step) => {
      await trainee.step(step);
    });
    trainee.dispose();
  });
}

/** Images that differ in number from step to step, as what is drawn in a real run does. */
function drawImages(random: Random, count: number): tf.Tensor4D {
  const values = Float32Array.from({ length: count * 8 * 8 * 4 }, () => random.normal());
  return tf.tensor4d(values, [count, 8, 8, 4]);
}

gpuTest("memory stays flat over 1000 training steps", async (random) => {
  const store = new ParameterStore(randomStream(1));
  const convolution = conv2d(store.root.child("c"), {
    inputChannels: 4,
    outputChannels: 8,
    kernelSize: 3,
  });
  const variables = store.trainable();
  const optimizer = new Adam(variables);
  let loss = 0;
  await assertFlat(1000, 20, async (step) => {
    const value = tf.tidy(() => {
      const images = drawImages(random, 1 + step % 3);
      const { value, grads } = tf.variableGrads(
        () => tf.mean(tf.square(tf.sub(tf.relu(convolution(images, { training: true })), 1))),
        variables,
      );
      optimizer.step(grads, 1e-3);
      return value;
    });
    // Each reading waits 11 ms in Deno, which is longer than a step.
    if (step % 10 === 9) [loss] = await value.data();
    value.dispose();
  });
  assert(Number.isFinite(loss));
  optimizer.dispose();
  store.dispose();
});

/** All parameters after two steps, and the last loss. */
async function learn(make: (seed: number) => Trainee, seed: number) {
  const trainee = make(seed);
  let loss = 0;
  for (let step = 0; step < 2; step++) loss = await trainee.step(step);
  const state = await trainee.export();
  trainee.dispose();
  return { loss, state };
}

for (const [name, make] of STAGES) {
  gpuTest(`the same seed of ${name} gives the same bytes`, async (random) => {
    const seed = random.integer(1000);
    const [first, second] = [await learn(make, seed), await learn(make, seed)];
    assertEquals(first.state, second.state);
    assert((await learn(make, seed + 1)).loss !== first.loss);
  });
}
