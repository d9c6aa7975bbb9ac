import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError, DataError, TrainingError } from "../../lib/errors.ts";
import { type PretrainConfig, tinyPretrainConfig } from "../../lib/pretrain/config.ts";
import { CollapseAlarm, collapseWarning } from "../../lib/pretrain/metrics.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { smallPretrainConfig } from "./small_config.ts";
import { syntheticBatch } from "./synthetic_batch.ts";

await useDevice("cpu");

const HEIGHT = 32, WIDTH = 64;

const config: PretrainConfig = {
  ...smallPretrainConfig,
  prototypes: 12,
  warmupSteps: 2,
  steps: 12,
};

const batches = [1, 2, 3, 4].map((seed) => syntheticBatch(seed, HEIGHT, WIDTH));

function frame(seed: number, height = HEIGHT, width = WIDTH): Frame {
  const random = randomStream(seed);
  const rgb = new Uint8Array(height * width * 3).map(() => random.integer(256));
  return { name: `f/${seed}`, sequence: "f", height, width, rgb };
}

async function run(pretrainer: Pretrainer, first: number, last: number) {
  const metrics = [];
  for (let step = first; step < last; step++) {
    metrics.push(await pretrainer.step(batches[step % batches.length], step));
  }
  return metrics;
}

Deno.test("Pretrainer.step() lowers both losses and follows its schedule", async () => {
  const pretrainer = new Pretrainer(config, 1);
  const metrics = await run(pretrainer, 0, 12);
  const first = metrics[0], last = metrics[11];
  assert(last.pixelLoss < first.pixelLoss && last.regionLoss < first.regionLoss);
  for (const m of metrics) {
    assertAlmostEquals(m.loss, 0.5 * m.pixelLoss + 0.5 * m.regionLoss, 1e-12);
    assert(m.prototypesUsed >= 1 && m.prototypesUsed <= 12);
    assert(m.assignmentEntropy > 0 && m.assignmentEntropy <= 1);
  }
  assertAlmostEquals(metrics[0].learningRate, 2.5e-3, 1e-12);
  assertAlmostEquals(metrics[1].learningRate, 5e-3, 1e-12);
  assertAlmostEquals(last.learningRate, 0, 1e-12);
  pretrainer.dispose();
});

Deno.test("Pretrainer sees images enlarged, and compares the features of the same places", async () => {
  const plain = new Pretrainer(config, 1);
  const enlarging = new Pretrainer({ ...config, enlarge: 2 }, 1);
  // A frame that is enlarged without loss: its colour is the same all over.
  const grey = (height: number, width: number): Frame => ({
    ...frame(1, height, width),
    rgb: new Uint8Array(height * width * 3).fill(90),
  });
  const seen = await plain.embed([grey(2 * HEIGHT, 2 * WIDTH)]);
  const found = await enlarging.embed([grey(HEIGHT, WIDTH)]);
  assertEquals([found.height, found.width], [HEIGHT / 2, WIDTH / 2]);
  found.values.forEach((value, i) => assertAlmostEquals(value, seen.values[i], 1e-5));
  const metrics = await run(enlarging, 0, 12);
  assert(metrics[11].pixelLoss < metrics[0].pixelLoss);
  assert(metrics[11].regionLoss < metrics[0].regionLoss);
  plain.dispose();
  enlarging.dispose();
});

Deno.test("Pretrainer.step() leaves tensors as it found them, and dispose() none", async () => {
  const before = tf.memory().numTensors;
  const pretrainer = new Pretrainer(config, 1);
  await run(pretrainer, 0, 1);
  const built = tf.memory().numTensors;
  await run(pretrainer, 1, 4);
  await pretrainer.embed([frame(1)]);
  await pretrainer.represent([frame(1)]);
  await pretrainer.assign([frame(1), frame(2)]);
  await pretrainer.prototypes();
  assertEquals(tf.memory().numTensors, built);
  pretrainer.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("Pretrainer resumes to the same bytes, for Adam and SGD", async () => {
  for (const kind of ["adam", "sgd"] as const) {
    const settings = { ...config, optimizer: { ...config.optimizer, kind } };
    const whole = new Pretrainer(settings, 7);
    await run(whole, 0, 3);
    const half = await whole.export();
    await run(whole, 3, 6);
    const resumed = new Pretrainer(settings, 7);
    resumed.import(half);
    await run(resumed, 3, 6);
    const state = await whole.export();
    assertEquals(await resumed.export(), state);
    const other = new Pretrainer(settings, 8);
    other.import(half);
    await run(other, 3, 6);
    let differs = false;
    for (const [name, { data }] of await other.export()) {
      differs ||= data.some((value, i) => value !== state.get(name)!.data[i]);
    }
    assert(differs, "the seed decides the samples");
    for (const pretrainer of [whole, resumed, other]) pretrainer.dispose();
  }
});

Deno.test("Pretrainer.import() refuses another network", async () => {
  const one = new Pretrainer(config, 1);
  const other = new Pretrainer({ ...config, prototypes: 13 }, 1);
  const state = await one.export();
  assertThrows(() => other.import(state), CheckpointError);
  one.dispose();
  other.dispose();
});

Deno.test("Pretrainer.importBackbone() begins from a depth network, and from nothing else", async () => {
  const depth = new DepthTrainer({ ...tinyDepthConfig, width: config.width }, 5);
  const encoder = await depth.encoder();
  const pretrainer = new Pretrainer(config, 1);
  const before = await pretrainer.export();
  await pretrainer.importBackbone(
    new Map([...encoder, ["fc.bias", { dtype: "F32", shape: [9], data: new Float32Array(9) }]]),
  );
  const after = await pretrainer.export();
  assertEquals([...after.keys()], [...before.keys()]);
  const backbone = [...after.keys()].filter((name) => name.startsWith("backbone."));
  assertEquals(backbone.map((name) => name.slice("backbone.".length)), [...encoder.keys()]);
  for (const [name, { data }] of after) {
    const own = name.startsWith("backbone.") ? encoder.get(name.slice(9))! : before.get(name)!;
    assertEquals(data, own.data, name);
  }
  assert(
    encoder.get("conv1.weight")!.data.some((w, i) =>
      w !== before.get("backbone.conv1.weight")!.data[i]
    ),
  );
  const wide = new Pretrainer({ ...config, width: 8 }, 1);
  const kept = await wide.export();
  await assertRejects(() => wide.importBackbone(encoder), CheckpointError, "backbone.conv1.weight");
  assertEquals(await wide.export(), kept);
  for (const trainer of [depth, pretrainer, wide]) trainer.dispose();
});

Deno.test("Pretrainer.embed() answers unit features, the same in any batch", async () => {
  const pretrainer = new Pretrainer(config, 1);
  await run(pretrainer, 0, 2);
  const frames = [frame(1), frame(2), frame(3)];
  const all = await pretrainer.embed(frames);
  assertEquals([all.count, all.height, all.width, all.channels], [3, 8, 16, 8]);
  for (let row = 0; row < 3 * 8 * 16; row++) {
    assertAlmostEquals(Math.hypot(...all.values.subarray(row * 8, row * 8 + 8)), 1, 1e-4);
  }
  const one = await pretrainer.embed([frames[2]]);
  one.values.forEach((v, i) => assertAlmostEquals(v, all.values[2 * one.values.length + i], 1e-5));
  const features = await pretrainer.represent(frames);
  assertEquals([features.height, features.width, features.channels], [8, 16, 8]);
  const mixed = [frame(1), frame(2, 64, 64)];
  await assertRejects(() => pretrainer.embed(mixed), DataError, "f/2");
  pretrainer.dispose();
});

/** Frames of so many pixels are compared with many prototypes some rows at a time. */
const COUNTS = { "few prototypes": 12, "more than are compared at once": 2500 };

for (const [how, prototypeCount] of Object.entries(COUNTS)) {
  Deno.test(`Pretrainer.assign() takes the prototype nearest to the cell's feature, of ${how}`, () =>
    assignsNearest(prototypeCount));
}

async function assignsNearest(prototypeCount: number): Promise<void> {
  const pretrainer = new Pretrainer({ ...config, prototypes: prototypeCount }, 1);
  await run(pretrainer, 0, 4);
  const frames = [frame(4), frame(5)];
  const [embedding, prototypes, ids] = await Promise.all([
    pretrainer.embed(frames),
    pretrainer.prototypes(),
    pretrainer.assign(frames),
  ]);
  const nearest = (feature: Float32Array) => {
    const scores = Array.from(
      { length: prototypeCount },
      (_, k) => feature.reduce((sum, v, d) => sum + v * prototypes[k * 8 + d], 0),
    );
    return scores.indexOf(Math.max(...scores));
  };
  // The corners lie outside the outermost centres, where the border feature goes on.
  for (const [n, map] of ids.entries()) {
    assertEquals(map.length, HEIGHT * WIDTH);
    for (const [y, x] of [[0, 0], [0, 15], [7, 0], [7, 15]]) {
      const cell = (n * 8 + y) * 16 + x;
      const pixel = (y === 0 ? 0 : HEIGHT - 1) * WIDTH + (x === 0 ? 0 : WIDTH - 1);
      assertEquals(map[pixel], nearest(embedding.values.subarray(cell * 8, cell * 8 + 8)));
    }
  }
  pretrainer.dispose();
}

Deno.test("Pretrainer leaves out a loss without weight or samples", async () => {
  const only = { ...config, regionWeight: 0 };
  const pretrainer = new Pretrainer(only, 1);
  const [metrics] = await run(pretrainer, 0, 1);
  assertEquals(metrics.regionLoss, 0);
  assertAlmostEquals(metrics.loss, 0.5 * metrics.pixelLoss, 1e-12);
  pretrainer.dispose();
});

Deno.test("Pretrainer.step() says so when the loss is not a number", async () => {
  const pretrainer = new Pretrainer(config, 1);
  const spoilt = { ...batches[0], images: batches[0].images.map(() => NaN) };
  await assertRejects(() => pretrainer.step(spoilt, 5), TrainingError, "at step 5");
  pretrainer.dispose();
  assertThrows(() => new Pretrainer({ ...config, epsilon: 0 }, 1), ConfigError, "epsilon");
});

const metrics = {
  loss: 2,
  pixelLoss: 2,
  regionLoss: 2,
  learningRate: 0.1,
  prototypesUsed: 150,
  assignmentEntropy: 0.4,
};

Deno.test("collapseWarning() tells features that are all alike", () => {
  assertEquals(collapseWarning(metrics, tinyPretrainConfig), undefined);
  const few = collapseWarning({ ...metrics, prototypesUsed: 3 }, tinyPretrainConfig);
  assert(few?.includes("3 of 200"));
  assert(collapseWarning({ ...metrics, assignmentEntropy: 0.99 }, tinyPretrainConfig));
});

Deno.test("CollapseAlarm.after() speaks once of each collapse that lasts", () => {
  const alarm = new CollapseAlarm(tinyPretrainConfig);
  const bad = { ...metrics, prototypesUsed: 1 };
  const lines = (steps: number, outcome: typeof metrics) =>
    Array.from({ length: steps }, () => alarm.after(outcome)).filter((line) => line).length;
  assertEquals(lines(29, bad), 0);
  assertEquals(lines(1, metrics), 0);
  assertEquals(lines(29, bad), 0);
  assertEquals(lines(100, bad), 1);
  assertEquals(lines(5, metrics), 0);
  assertEquals(lines(40, bad), 1);
});
