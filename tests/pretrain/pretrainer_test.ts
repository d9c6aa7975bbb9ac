import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError, DataError, TrainingError } from "../../lib/errors.ts";
import { type PretrainConfig, tinyPretrainConfig } from "../../lib/pretrain/config.ts";
import { CollapseAlarm, collapseWarning } from "../../lib/pretrain/metrics.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
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

Deno.test("Pretrainer.import() takes all or nothing, or parameters alone", async () => {
  const settings = { ...config, queueLength: 40 };
  const [trained, other] = [new Pretrainer(settings, 1), new Pretrainer(settings, 2)];
  await run(trained, 0, 3);
  await run(other, 0, 2);
  const state = await trained.export(), before = await other.export();
  const without = (lost: string) => new Map([...state].filter(([name]) => name !== lost));
  const cut = (name: string): StateDict => {
    const tensor = state.get(name)!;
    return new Map([...state, [name, { ...tensor, data: tensor.data.slice(1) }]]);
  };
  const misfits: [StateDict, string][] = [
    [without("optimizer.m.0"), `Cannot load "m.0"`],
    [without("prototypes"), "prototypes"],
    [cut("prototypes"), "expected 96 numbers"],
    [cut("queue.pixel"), "queue.pixel"],
  ];
  for (const [misfit, message] of misfits) {
    assertThrows(() => other.import(misfit), CheckpointError, message);
    assertEquals(await other.export(), before);
  }
  const parameters = new Map([...state].filter(([name]) => !/^(optimizer|queue)\./.test(name)));
  other.import(parameters);
  assertEquals(await other.embed([frame(1)]), await trained.embed([frame(1)]));
  const after = await other.export();
  assertEquals([...after.get("optimizer.step")!.data], [0]);
  assert(after.get("optimizer.v.0")!.data.every((v) => v === 0));
  for (const pretrainer of [trained, other]) pretrainer.dispose();
});

Deno.test("Pretrainer.importBackbone() takes a whole ResNet alone", async () => {
  const [donor, pretrainer] = [new Pretrainer(config, 2), new Pretrainer(config, 1)];
  const weights = await donor.backbone(), before = await pretrainer.export();
  const parts: [StateDict, string][] = [
    [new Map(), `Cannot load "backbone.conv1.weight"`],
    [new Map([...weights].slice(0, 1)), `Cannot load "backbone.bn1.weight"`],
    [new Map([...weights].slice(0, -1)), "running_var"],
    [new Map([...weights, ["layer5.0.conv1.weight", weights.get("bn1.bias")!]]), "layer5"],
  ];
  for (const [part, message] of parts) {
    await assertRejects(() => pretrainer.importBackbone(part), CheckpointError, message);
    assertEquals(await pretrainer.export(), before);
  }
  const counter = { dtype: "I32", shape: [], data: Int32Array.of(7) } as const;
  await pretrainer.importBackbone(
    new Map([...weights, ["bn1.num_batches_tracked", { ...counter, shape: [] }]]),
  );
  assertEquals(await pretrainer.backbone(), weights);
  donor.dispose();
  pretrainer.dispose();
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

Deno.test("Pretrainer.embed(), represent() and assign() take some frames at a time", async () => {
  const pretrainer = new Pretrainer(config, 1);
  await run(pretrainer, 0, 2);
  const frames = Array.from({ length: 19 }, (_, i) => frame(i));
  /** What was answered, and the most images that a tensor held meanwhile. */
  const peakOf = async <T>(ask: () => Promise<T>): Promise<[T, number]> => {
    const { result, kernels } = await tf.profile(async () => [await ask()] as never);
    const images = kernels.flatMap(({ name, outputShapes }) =>
      name.includes("Conv2D") ? [outputShapes[0][0]] : []
    );
    return [(result as T[])[0], Math.max(...images)];
  };
  for (const read of ["embed", "represent"] as const) {
    const [whole, all] = await peakOf(() => pretrainer[read](frames, { batch: 19 }));
    const [some, three] = await peakOf(() => pretrainer[read](frames, { batch: 3 }));
    const [preset, eight] = await peakOf(() => pretrainer[read](frames));
    assertEquals([all, three, eight], [19, 3, 8]);
    for (const part of [some, preset]) {
      assertEquals({ ...part, values: 0 }, { ...whole, values: 0 });
      part.values.forEach((v, i) => assertAlmostEquals(v, whole.values[i], 1e-5));
    }
  }
  const [ids, eight] = await peakOf(() => pretrainer.assign(frames));
  assertEquals([ids.length, eight], [19, 8]);
  for (const i of [0, 7, 8, 18]) assertEquals([ids[i]], await pretrainer.assign([frames[i]]));
  const before = tf.memory().numTensors;
  const none = { count: 0, height: 0, width: 0, values: new Float32Array(0) };
  assertEquals(await pretrainer.embed([]), { ...none, channels: config.embeddingSize });
  assertEquals(await pretrainer.represent([]), { ...none, channels: config.pyramidChannels });
  assertEquals(await pretrainer.assign([]), []);
  for (const batch of [0, 1.5, NaN]) {
    await assertRejects(() => pretrainer.embed(frames, { batch }), ConfigError, `got ${batch}`);
  }
  const one = frame(1), short = { ...one, rgb: one.rgb.subarray(3) };
  for (const read of ["embed", "represent", "assign"] as const) {
    const refused = (frames: Frame[], message: string) =>
      assertRejects(() => pretrainer[read](frames), DataError, message);
    await refused([frame(1, 30, WIDTH)], "multiples of 32, got 64x30");
    await refused([frame(1, 0, WIDTH)], "got 64x0");
    await refused([one, short], "expected 6144 values");
    // The one that differs is in a later batch.
    await refused([...Array(9).fill(one), frame(2, 64, 64)], "f/2");
  }
  assertEquals(tf.memory().numTensors, before);
  const enlarging = new Pretrainer({ ...config, enlarge: 2 }, 1);
  assertEquals((await enlarging.embed([frame(1, 16, 48)])).height, 8);
  await assertRejects(() => enlarging.embed([frame(1, 24, 48)]), DataError, "times 2");
  enlarging.dispose();
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

for (
  const [name, change] of [
    ["Adam", {}],
    ["SGD", { optimizer: { ...config.optimizer, kind: "sgd" } }],
    ["micro-batches and a queue", { accumulate: 3, queueLength: 40 }],
  ] as [string, Partial<PretrainConfig>][]
) {
  Deno.test(`Pretrainer.step() leaves all as it was when the loss is not a number: ${name}`, async () => {
    const settings = { ...config, ...change };
    const [pretrainer, other] = [new Pretrainer(settings, 1), new Pretrainer(settings, 1)];
    await run(pretrainer, 0, 3);
    await run(other, 0, 3);
    const before = await pretrainer.export(), tensors = tf.memory().numTensors;
    const images = batches[3].images.slice();
    images[images.length - 1] = NaN;
    const spoilt = { ...batches[3], images };
    await assertRejects(() => pretrainer.step(spoilt, 3), TrainingError, "finite loss at step 3");
    assertEquals(tf.memory().numTensors, tensors);
    assertEquals(await pretrainer.export(), before);
    assertEquals(await run(pretrainer, 3, 6), await run(other, 3, 6));
    assertEquals(await pretrainer.export(), await other.export());
    pretrainer.dispose();
    other.dispose();
  });
}

Deno.test("Pretrainer.step() that is refused keeps no tensor", async () => {
  const pretrainer = new Pretrainer({ ...config, queueLength: 40 }, 1);
  await run(pretrainer, 0, 2);
  const before = await pretrainer.export(), tensors = tf.memory().numTensors;
  // Its images are smaller than their ids say, which the encoder finds out.
  const narrow = { ...batches[0], width: WIDTH / 2 };
  await assertRejects(() => pretrainer.step(narrow, 2));
  assertEquals(tf.memory().numTensors, tensors);
  assertEquals(await pretrainer.export(), before);
  pretrainer.dispose();
});

Deno.test("Pretrainer refuses settings that are out of range", () => {
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
