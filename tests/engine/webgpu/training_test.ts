import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { tinyDepthConfig } from "../../../lib/depth/config.ts";
import { DepthTrainer } from "../../../lib/depth/trainer.ts";
import { useDevice } from "../../../lib/engine/device.ts";
import type { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { Pretrainer } from "../../../lib/pretrain/pretrainer.ts";
import { type Random, randomStream } from "../../../lib/random.ts";
import { smallPretrainConfig } from "../../pretrain/small_config.ts";
import { syntheticBatch } from "../../pretrain/synthetic_batch.ts";
import { gpuTest } from "./support.ts";
import { pretraining } from "./trainees.ts";

const depth = { ...tinyDepthConfig, width: 4, poseWidth: 4, decoderWidth: 4, batchSize: 2 };

/** Losses of the first steps, and all parameters after them. */
async function learn(steps: number, seed: number) {
  const trainee = pretraining(seed);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainee.step(step));
  const state = await trainee.export();
  trainee.dispose();
  return { losses, state };
}

async function learnDepth(steps: number, random: Random) {
  const trainer = new DepthTrainer(depth, 1);
  const size = 2 * 64 * 64 * 3;
  const frame = () => Float32Array.from({ length: size }, () => random.uniform(0, 1));
  const camera = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };
  const batch = {
    count: 2,
    height: 64,
    width: 64,
    target: frame(),
    sources: [frame(), frame()] as const,
    offsets: [[-1, -1], [1, 1]] as const,
    intrinsics: [camera, camera],
  };
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await trainer.step(batch, step)).loss);
  trainer.dispose();
  return losses;
}

gpuTest("pretraining loses as on the CPU, step by step", async () => {
  const ours = await learn(6, 3);
  await useDevice("cpu");
  const theirs = await learn(6, 3);
  await tf.setBackend("webgpu");
  ours.losses.forEach((loss, step) =>
    assertAlmostEquals(loss, theirs.losses[step], 2e-3 * theirs.losses[step], `step ${step}`)
  );
  assert(ours.losses[5] !== ours.losses[0]);
});

gpuTest("depth training with alignment loses as on the CPU, step by step", async (random) => {
  const seed = random.integer(1000);
  const ours = await learnDepth(3, randomStream(seed));
  await useDevice("cpu");
  const theirs = await learnDepth(3, randomStream(seed));
  await tf.setBackend("webgpu");
  ours.forEach((loss, step) => assertAlmostEquals(loss, theirs[step], 5e-3, `step ${step}`));
});

gpuTest("the same seed gives the same bytes", async () => {
  const [first, second] = [await learn(3, 5), await learn(3, 5)];
  assertEquals(first.state, second.state);
  assert((await learn(3, 6)).losses[2] !== first.losses[2]);
});

gpuTest("memory stays flat over training steps", async () => {
  const pretrainer = new Pretrainer(smallPretrainConfig, 1);
  const batch = syntheticBatch(0, 32, 64);
  const backend = tf.backend() as WebGpuBackend;
  const memory = () => ({
    tensors: tf.memory().numTensors,
    bytes: tf.memory().numBytes,
    data: backend.numDataIds(),
    pool: backend.pool.idleBytes + backend.pool.lentBytes,
  });
  const seen: ReturnType<typeof memory>[] = [];
  for (let step = 0; step < 30; step++) {
    await pretrainer.step(batch, step);
    if (step >= 10) seen.push(memory());
  }
  const [first] = seen;
  for (const now of seen) {
    assertEquals({ ...now, pool: 0 }, { ...first, pool: 0 });
    assert(now.pool <= 1.05 * first.pool, `the pool grows from ${first.pool} to ${now.pool} bytes`);
  }
  pretrainer.dispose();
});
