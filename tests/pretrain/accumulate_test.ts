import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { ConfigError } from "../../lib/errors.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import { compare } from "../../lib/pretrain/comparison.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";
import { encoder } from "../../lib/pretrain/encoder.ts";
import { microBatches } from "../../lib/pretrain/micro_batches.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { samplePixels, sampleRegions } from "../../lib/pretrain/sampling.ts";
import { randomStream } from "../../lib/random.ts";
import type { MixedBatch } from "../../lib/records.ts";
import { smallPretrainConfig } from "./small_config.ts";
import { syntheticBatch } from "./synthetic_batch.ts";

await useDevice("cpu");

const HEIGHT = 32, WIDTH = 64, SIZE = HEIGHT * WIDTH;
/** Plain gradient descent: a step shows the gradient itself. */
const config: PretrainConfig = {
  ...smallPretrainConfig,
  accumulate: 3,
  warmupSteps: 0,
  optimizer: {
    kind: "sgd",
    learningRate: 0.5,
    finalLearningRate: 0,
    momentum: 0,
    weightDecay: 0,
  },
};

Deno.test("microBatches() deals out every image with its own copies and regions", () => {
  const batch = syntheticBatch(4, HEIGHT, WIDTH);
  const parts = microBatches(batch, 3);
  assertEquals(parts.map(({ count }) => count), [2, 2, 2]);
  parts.forEach((part, k) =>
    // Images k and 3 + k began as source k.
    [k, 3 + k].forEach((mixed, place) => {
      const rows = (
        values: Float32Array | Int32Array,
        n: number,
        image: number,
      ) => [...values.subarray(image * SIZE * n, (image + 1) * SIZE * n)];
      assertEquals(rows(part.images, 3, place), rows(batch.images, 3, mixed));
      assertEquals(rows(part.regionIds, 1, place), rows(batch.regionIds, 1, mixed));
      const seen = rows(part.copyIds, 1, place).map((id) => part.copies[id]);
      rows(batch.copyIds, 1, mixed).forEach((id, i) =>
        assertEquals(seen[i], { ...batch.copies[id], mixed: place })
      );
      assert(part.copies.some((copy) => copy.mixed === place && copy.source === k));
    })
  );
  assertEquals(microBatches(batch, 1), [batch]);
  assertThrows(() => microBatches(batch, 2), ConfigError, "their 3 sources");
});

/** The state after one step by the mean of the micro-batches' own gradients, composed from the parts. */
async function expectedStep(seed: number, batch: MixedBatch) {
  const before = new Pretrainer(config, seed);
  const start = await before.export();
  before.dispose();
  const state = new Map([...start].filter(([name]) => !name.startsWith("optimizer.")));
  const store = new ParameterStore(randomStream(0));
  const encode = encoder(store.root, config);
  const prototypes = store.root.weight(
    "prototypes",
    [config.prototypes, config.embeddingSize],
    () => 0,
  );
  store.import(state);
  const losses: number[] = [];
  const sums = new Map<string, Float64Array>();
  microBatches(batch, 3).forEach((part, i) => {
    const random = randomStream(seed, "pretrain", "samples", 0, i);
    const { minimumGroup, pixelSamples, regionSamples } = config;
    const options = { minimumGroup, stride: 4 };
    const sets = [
      samplePixels(part, { ...options, perImage: pixelSamples }, random),
      sampleRegions(part, { ...options, perImage: regionSamples }, random),
    ];
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const images = tf.tensor4d(part.images, [part.count, HEIGHT, WIDTH, 3]);
        const { projections } = encode(images, { training: true });
        const [pixel, region] = sets.map((set) =>
          tf.sum(tf.slice(compare(projections, prototypes, set, config).lossAndEntropy, 0, 1))
        );
        return tf.add(tf.mul(pixel, 0.5), tf.mul(region, 0.5)) as tf.Scalar;
      }, store.trainable());
      losses.push(value.dataSync()[0]);
      for (const [name, gradient] of Object.entries(grads)) {
        const sum = sums.get(name) ?? new Float64Array(gradient.size);
        gradient.dataSync().forEach((g, at) => sum[at] += g);
        sums.set(name, sum);
      }
    });
  });
  tf.tidy(() =>
    store.trainable().forEach((variable) => {
      const move = Float32Array.from(sums.get(variable.name)!, (g) => 0.5 * g / 3);
      variable.assign(tf.sub(variable, tf.tensor(move, variable.shape)));
    })
  );
  const after = await store.export();
  store.dispose();
  return { start, after, loss: losses.reduce((a, b) => a + b) / 3 };
}

Deno.test("Pretrainer.step() with accumulate moves by the mean gradient of its micro-batches", async () => {
  const seed = Date.now() % 1e6;
  const batch = syntheticBatch(seed, HEIGHT, WIDTH);
  const expected = await expectedStep(seed, batch);
  const pretrainer = new Pretrainer(config, seed);
  const tensors = tf.memory().numTensors;
  const { loss } = await pretrainer.step(batch, 0);
  assertEquals(tf.memory().numTensors, tensors);
  assertAlmostEquals(loss, expected.loss, 1e-5, `seed ${seed}`);
  const state = await pretrainer.export();
  for (const [name, { data }] of expected.after) {
    const start = expected.start.get(name)!.data, ours = state.get(name)!.data;
    const moved = Math.max(...data.map((v, i) => Math.abs(v - start[i])));
    assert(moved > 0, `${name} does not move`);
    const off = Math.max(...data.map((v, i) => Math.abs(v - ours[i])));
    assert(off <= 1e-3 * moved + 1e-6, `${name}: off by ${off} of ${moved}, seed ${seed}`);
  }
  // The whole batch at once has other statistics, groups and balance, and so another gradient.
  const whole = new Pretrainer({ ...config, accumulate: 1 }, seed);
  const plain = await whole.step(batch, 0);
  assert(Math.abs(plain.loss - loss) > 1e-6);
  pretrainer.dispose();
  whole.dispose();
});

Deno.test("Pretrainer.step() refuses micro-batches that do not come out even", async () => {
  const pretrainer = new Pretrainer({ ...config, accumulate: 2 }, 1);
  await assertRejects(
    () => pretrainer.step(syntheticBatch(1, HEIGHT, WIDTH), 0),
    ConfigError,
    "expected accumulate to divide",
  );
  assertThrows(() => new Pretrainer({ ...config, accumulate: 0 }, 1), ConfigError, "accumulate");
  pretrainer.dispose();
});
