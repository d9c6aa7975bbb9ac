import * as tf from "@tensorflow/tfjs-core";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError, DataError, TrainingError } from "../../lib/errors.ts";
import { finetune, type FinetuneInput } from "../../lib/evaluate/finetune.ts";
import { labelledView } from "../../lib/evaluate/finetune_augmentation.ts";
import { defaultFinetuneConfig } from "../../lib/evaluate/finetune_config.ts";
import { linearProbe } from "../../lib/evaluate/linear_probe.ts";
import { Segmenter } from "../../lib/evaluate/segmenter.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";

await useDevice("cpu");

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));
const SIZE = { height: 32, width: 64 };

async function streets(split: "train" | "validation", sequences: number) {
  const scenes = streetScenes({ seed: 5, split, sequences, framesPerSequence: 1 });
  const frames: Frame[] = [];
  for (let i = 0; i < sequences; i++) frames.push(await scenes.read(i, SIZE));
  return { frames, classes: scenes.classes.length, ignore: scenes.ignore };
}

const train = await streets("train", 16), test = await streets("validation", 8);

const input: FinetuneInput = {
  network: smallPretrainConfig,
  trainFrames: train.frames,
  frames: test.frames,
  classes: train.classes,
  ignore: train.ignore,
  seed: 1,
  config: { steps: 4, batch: 2 },
};

Deno.test("finetune() lowers its loss and beats a linear probe of the same features", async () => {
  const pretrainer = new Pretrainer(smallPretrainConfig, 1);
  const { score: tuned, losses } = await finetune({
    ...input,
    pretrained: await pretrainer.export(),
    config: { steps: 100, batch: 4 },
  });
  const first = losses.slice(0, 10).reduce((sum, loss) => sum + loss, 0) / 10;
  const last = losses.slice(-10).reduce((sum, loss) => sum + loss, 0) / 10;
  assert(last < 0.7 * first, `${first} to ${last}`);
  const probe = await linearProbe({ ...input, embedder: pretrainer, fitPixels: 4000 });
  assert(tuned.miou > probe.miou + 0.02, `${tuned.miou} against ${probe.miou}`);
  assertEquals(tuned.confusion.length, train.classes ** 2);
  const diagonal = Array.from(
    { length: train.classes },
    (_, c) => tuned.confusion[c * train.classes + c],
  );
  const total = tuned.confusion.reduce((sum, count) => sum + count, 0);
  const correct = diagonal.reduce((sum, count) => sum + count, 0);
  assertAlmostEquals(tuned.accuracy, correct / total, 1e-12);
  pretrainer.dispose();
});

Deno.test("finetune() repeats under a seed, and the seed decides", async () => {
  const run = async (seed: number) => (await finetune({ ...input, seed })).losses;
  const losses = await run(1);
  assertEquals(await run(1), losses);
  assertNotEquals(await run(2), losses);
});

Deno.test("finetune() begins from the checkpoint that it is given", async () => {
  const pretrainer = new Pretrainer(smallPretrainConfig, 77);
  const state = await pretrainer.export();
  const [random, pretrained] = [
    await finetune(input),
    await finetune({ ...input, pretrained: state }),
  ];
  assertNotEquals(random.losses[0], pretrained.losses[0]);
  state.delete("pyramid.lateral.0.weight");
  await assertRejects(
    () => finetune({ ...input, pretrained: state }),
    CheckpointError,
    "pyramid.lateral.0.weight",
  );
  const wider = { ...smallPretrainConfig, pyramidChannels: 12 };
  const whole = await pretrainer.export();
  await assertRejects(
    () => finetune({ ...input, network: wider, pretrained: whole }),
    CheckpointError,
  );
  pretrainer.dispose();
});

Deno.test("finetune() heeds every setting", async () => {
  const losses = async (config: FinetuneInput["config"]) =>
    (await finetune({ ...input, config: { ...input.config, ...config } })).losses;
  const standard = await losses({});
  const changes = [
    { optimizer: "sgd" },
    { learningRate: 1e-2 },
    { momentum: 0.5 },
    { weightDecay: 0.5 },
    { schedule: "cosine" },
    { batch: 3 },
    { maxZoom: 1 },
    { flipChance: 1 },
    { labelFraction: 0.2 },
  ] as const;
  for (const change of changes) {
    assertNotEquals(await losses(change), standard, JSON.stringify(change));
  }
  assertEquals((await losses({ steps: 2 })).length, 2);
  for (const change of [{ labelFraction: 0 }, { steps: 0 }, { maxZoom: 0.5 }, { batch: 1.5 }]) {
    await assertRejects(() => losses(change), ConfigError, Object.keys(change)[0]);
  }
});

Deno.test("finetune() uses the labels of a fraction of the labelled frames, at least one", async () => {
  const { labels: _, ...bare } = train.frames[0];
  const ignored = { ...train.frames[1], labels: new Uint8Array(32 * 64).fill(train.ignore) };
  const trainFrames = [bare, ignored, ...train.frames.slice(2, 12)];
  for (const [labelFraction, frames] of [[1, 10], [0.37, 4], [0.01, 1]]) {
    const config = { ...input.config, labelFraction, steps: 1 };
    const { labelledFrames } = await finetune({ ...input, trainFrames, config });
    assertEquals(labelledFrames, frames);
  }
  await assertRejects(
    () => finetune({ ...input, trainFrames: [bare, ignored] }),
    ConfigError,
    "labelled training pixels",
  );
  await assertRejects(() => finetune({ ...input, frames: [bare] }), DataError, bare.name);
});

Deno.test("finetune() says so when the loss is not a number", async () => {
  const pretrainer = new Pretrainer(smallPretrainConfig, 1);
  const state = await pretrainer.export();
  const name = "pyramid.lateral.0.bias";
  const { shape, data } = state.get(name)!;
  state.set(name, { dtype: "F32", shape, data: Float32Array.from(data, () => NaN) });
  await assertRejects(
    () => finetune({ ...input, pretrained: state }),
    TrainingError,
    "at step 0",
  );
  pretrainer.dispose();
});

Deno.test("Segmenter.step() answers the mean cross entropy of labelled pixels", async () => {
  const { classes, ignore } = train;
  const loss = async (marks: readonly (readonly [number, number])[]) => {
    const segmenter = new Segmenter(smallPretrainConfig, defaultFinetuneConfig, classes, 3);
    const labels = new Uint8Array(32 * 64).fill(ignore);
    for (const [pixel, label] of marks) labels[pixel] = label;
    const unlabelled = { ...train.frames[1], labels: new Uint8Array(32 * 64).fill(ignore) };
    const value = await segmenter.step([{ ...train.frames[0], labels }, unlabelled], ignore, 0);
    segmenter.dispose();
    return value;
  };
  const pixel = randomStream(SEED, "pixel").integer(32 * 64);
  const other = (pixel + 777) % (32 * 64);
  const of = await Promise.all(Array.from({ length: classes }, (_, c) => loss([[pixel, c]])));
  // The chances of all classes at one pixel sum to one, and two pixels count the same.
  const sum = of.reduce((total, value) => total + Math.exp(-value), 0);
  assertAlmostEquals(sum, 1, 1e-5, `seed ${SEED}`);
  const mean = (of[2] + await loss([[other, 1]])) / 2;
  assertAlmostEquals(await loss([[pixel, 2], [other, 1]]), mean, 1e-5, `seed ${SEED}`);
});

Deno.test("Segmenter.step() and classify() leave tensors as they found them, dispose() none", async () => {
  const before = tf.memory().numTensors;
  const segmenter = new Segmenter(smallPretrainConfig, defaultFinetuneConfig, train.classes, 3);
  const built = tf.memory().numTensors;
  const frames = train.frames.slice(0, 2);
  for (let step = 0; step < 2; step++) await segmenter.step(frames, train.ignore, step);
  await segmenter.classify(frames);
  assertEquals(tf.memory().numTensors, built);
  segmenter.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("labelledView() keeps colours with their labels, mirrored and enlarged", () => {
  const random = randomStream(SEED, "view");
  const [height, width] = [16, 24];
  const labels = Uint8Array.from(
    { length: height * width },
    (_, i) => Math.floor(i / width / 4) * 6 + Math.floor(i % width / 4),
  );
  const rgb = Uint8Array.from(
    { length: 3 * height * width },
    (_, k) => 10 * labels[Math.floor(k / 3)],
  );
  const frame = { name: "a", sequence: "a", height, width, rgb, labels };
  let mirrored = 0, enlarged = 0;
  for (let trial = 0; trial < 40; trial++) {
    const view = labelledView(frame, { maxZoom: 2, flipChance: 0.5 }, random);
    // Where the four neighbours in the view share a label, so do the colours under them.
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x, label = view.labels[i];
        if ([i - 1, i + 1, i - width, i + width].some((k) => view.labels[k] !== label)) continue;
        const off = Math.abs(view.rgb[3 * i] - 10 * label);
        assert(off <= 40, `seed ${SEED}: ${view.rgb[3 * i]} over ${label}`);
      }
    }
    if (view.labels[width - 1] < view.labels[0]) mirrored++;
    if (new Set(view.labels).size < 24) enlarged++;
  }
  assert(mirrored > 5 && mirrored < 35, `${mirrored} of 40 mirrored`);
  assert(enlarged > 20, `${enlarged} of 40 enlarged`);
  const same = labelledView(frame, { maxZoom: 1, flipChance: 0 }, random);
  assertEquals([same.rgb, same.labels], [rgb, labels]);
  const flipped = labelledView(frame, { maxZoom: 1, flipChance: 1 }, random);
  for (let i = 0; i < labels.length; i++) {
    const x = i % width;
    assertEquals(flipped.labels[i], labels[i - x + width - 1 - x]);
  }
});
