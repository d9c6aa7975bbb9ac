import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError, TrainingError } from "../../lib/errors.ts";
import { mixedBatch } from "../../lib/mix/batches.ts";
import { tinyMixConfig } from "../../lib/mix/config.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";
import { ViewClusters } from "../../lib/pretrain/view_clusters.ts";
import { miniBatchKMeans, nearestCentroids } from "../../lib/pretrain/mini_batch_kmeans.ts";
import { picieLoss, viewPairs } from "../../lib/pretrain/picie.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import type { SampleSet } from "../../lib/pretrain/sampling.ts";
import { randomStream } from "../../lib/random.ts";
import { smallPretrainConfig } from "./small_config.ts";
import { syntheticBatch } from "./synthetic_batch.ts";

await useDevice("cpu");

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));
console.log(`SEED=${seed}`);

function samplesOf(groups: number[], images: number): SampleSet {
  return {
    images,
    perImage: groups.length / images,
    positions: new Float32Array(2 * groups.length),
    groups: Int32Array.from(groups),
    groupCount: Math.max(...groups) + 1,
    count: groups.filter((g) => g >= 0).length,
  };
}

function unitVectors(count: number, dimension: number, random = randomStream(seed, "rows")) {
  const rows = new Float32Array(count * dimension);
  for (let i = 0; i < count; i++) {
    const row = Array.from({ length: dimension }, () => random.normal());
    const length = Math.hypot(...row);
    row.forEach((value, d) => rows[i * dimension + d] = value / length);
  }
  return rows;
}

Deno.test("viewPairs() finds the slots of a point in both views", () => {
  // Two sources, four images of two slots; the second source's images are 1 and 3.
  const { first, second } = viewPairs(samplesOf([1, -1, 0, 2, 1, -1, 2, 0], 4));
  assertEquals([...first], [2, 0, 3]);
  assertEquals([...second], [7, 4, 6]);
});

Deno.test("viewPairs() refuses points that are not once in either view", () => {
  for (const groups of [[0, 0, 0, -1], [0, -1, 0, 0], [0, 0, -1, -1], [0, -1, -1, -1]]) {
    assertThrows(() => viewPairs(samplesOf(groups, 2)), ConfigError, "paste none");
  }
});

Deno.test("picieLoss() is the mean of four cross entropies, computed by hand", async () => {
  // z1 = (1, 0) in slot 0, z2 = (0, 1) in slot 1. mu1 = (1,0), (0,1) and mu2 = (0.6,0.8), (0.8,-0.6);
  // both belong to cluster 0 of their own view. Of two clusters, L = log(1 + exp(other - own)):
  // z1 to mu1 scores 1, 0; z2 to mu2 0.8, -0.6; z1 to mu2 0.6, 0.8; z2 to mu1 0, 1.
  const rows = tf.tensor2d([1, 0, 0, 1], [2, 2]);
  const pairs = { first: Int32Array.of(0), second: Int32Array.of(1) };
  const centroids = [Float32Array.of(1, 0, 0, 1), Float32Array.of(0.6, 0.8, 0.8, -0.6)] as const;
  const at = async (temperature: number) => {
    const loss = picieLoss(rows, pairs, Int32Array.of(0, 0), centroids, temperature);
    return (await loss.data())[0];
  };
  // (0.3132617 + 0.2204174 + 0.7981389 + 1.3132617) / 4
  assertAlmostEquals(await at(1), 0.6612699, 1e-6);
  // Differences times 2: (0.1269280 + 0.0590328 + 0.9130153 + 2.1269280) / 4
  assertAlmostEquals(await at(0.5), 0.8064760, 1e-6);
});

Deno.test("picieLoss() has the gradient of plain loops, towards features alone", async () => {
  const pairsCount = 5, dimension = 4, k = 3, temperature = 0.7;
  const random = randomStream(seed, "loss");
  const values = unitVectors(2 * pairsCount, dimension, random);
  const centroids = [
    unitVectors(k, dimension, random),
    unitVectors(k, dimension, random),
  ] as const;
  const pairs = {
    first: Int32Array.from({ length: pairsCount }, (_, i) => i),
    second: Int32Array.from({ length: pairsCount }, (_, i) => pairsCount + (i + 2) % pairsCount),
  };
  const labels = Int32Array.from({ length: 2 * pairsCount }, () => random.integer(k));
  const plain = (rows: Float64Array) => {
    const term = (row: number, label: number, mu: Float32Array) => {
      const scores = Array.from({ length: k }, (_, c) => {
        let dot = 0;
        for (let d = 0; d < dimension; d++) {
          dot += rows[row * dimension + d] * mu[c * dimension + d];
        }
        return dot / temperature;
      });
      return Math.log(scores.reduce((sum, s) => sum + Math.exp(s), 0)) - scores[label];
    };
    let loss = 0;
    for (let p = 0; p < pairsCount; p++) {
      const [a, b] = [pairs.first[p], pairs.second[p]];
      loss += term(a, labels[a], centroids[0]) + term(b, labels[b], centroids[1]) +
        term(a, labels[b], centroids[1]) + term(b, labels[a], centroids[0]);
    }
    return loss / (4 * pairsCount);
  };
  const { value, grad } = tf.valueAndGrad((rows) =>
    picieLoss(rows as tf.Tensor2D, pairs, labels, centroids, temperature)
  )(tf.tensor2d(values, [2 * pairsCount, dimension]));
  const rows = Float64Array.from(values);
  assertAlmostEquals((await value.data())[0], plain(rows), 1e-6);
  const gradient = await grad.data();
  for (let i = 0; i < rows.length; i++) {
    const step = 1e-5, kept = rows[i];
    rows[i] = kept + step;
    const above = plain(rows);
    rows[i] = kept - step;
    const slope = (above - plain(rows)) / (2 * step);
    rows[i] = kept;
    assertAlmostEquals(gradient[i], slope, 1e-5);
  }
});

Deno.test("ViewClusters.fit() clusters and labels each view apart", async () => {
  // Four directions, two of them in either view alone; a group has one slot in each of two images.
  const axis = (d: number) => [0, 1, 2, 3].map((k) => Number(k === d));
  const step = (first: number[], second: number[]) => ({
    samples: {
      images: 2,
      perImage: first.length,
      positions: new Float32Array(4 * first.length),
      groups: Int32Array.from([...first.keys(), ...second.keys()]),
      groupCount: first.length,
      count: 2 * first.length,
    },
    rows: Float32Array.from([...first, ...second].flatMap(axis)),
  });
  const drawn = [step([0, 1, 1], [2, 3, 2]), step([1, 0, 1], [3, 3, 2])];
  const clusters = new ViewClusters(2, 4);
  await clusters.fit(7, drawn, randomStream(20261127, "views"));
  drawn.forEach(({ rows }, i) => {
    const { centroids, labels } = clusters.at(7 + i);
    for (let slot = 0; slot < 6; slot++) {
      const own = centroids[slot < 3 ? 0 : 1];
      const centroid = own.subarray(4 * labels[slot], 4 * labels[slot] + 4);
      assertEquals(centroid, rows.subarray(4 * slot, 4 * slot + 4), `slot ${slot}`);
    }
  });
});

Deno.test("miniBatchKMeans() begins a cluster without rows again, until every direction has one", async () => {
  // Equal rows: of clusters that begin at one direction all but the first are without rows.
  const rows = [[30, 1, 0], [5, 0, 1], [5, -1, 0], [5, 0, -1]].flatMap(([count, x, y]) =>
    Array.from({ length: count }, () => [x, y]).flat()
  );
  for (let round = 0; round < 10; round++) {
    const random = randomStream(seed, "again", round);
    const centroids = await miniBatchKMeans([Float32Array.from(rows)], 2, 4, random, {
      iterations: 200,
    });
    const found = Array.from({ length: 4 }, (_, c) => [...centroids.subarray(2 * c, 2 * c + 2)]);
    assertEquals(new Set(found.map(String)).size, 4, `seed ${seed}: ${found.join(" | ")}`);
  }
});

Deno.test("miniBatchKMeans() finds directions that batches share, later batches included", async () => {
  const random = randomStream(seed, "kmeans");
  const axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const noisy = (count: number, axis?: number) => {
    const rows = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) {
      const row = axes[axis ?? random.integer(3)].map((x) => x + random.normal(0, 0.05));
      row.forEach((value, d) => rows[3 * i + d] = value / Math.hypot(...row));
    }
    return rows;
  };
  // Clusters begin at random rows: thirty miss an axis once in 60,000 times.
  const batches = [noisy(200), noisy(200), noisy(50)];
  const centroids = await miniBatchKMeans(batches, 3, 30, random, { initialBatches: 2 });
  const labels = await nearestCentroids(Float32Array.from(axes.flat()), 3, centroids);
  labels.forEach((label, i) => assert(centroids[3 * label + i] > 0.98, `axis ${i}`));
  // A single cluster is the direction of the sum of all rows, whatever their batch.
  const uneven = [noisy(30, 0), noisy(20, 1), noisy(10, 2)];
  const [x, y, z] = await miniBatchKMeans(uneven, 3, 1, random, { initialBatches: 1 });
  const sum = [0, 1, 2].map((d) =>
    uneven.reduce((total, rows) => total + rows.reduce((s, v, i) => i % 3 === d ? s + v : s, 0), 0)
  );
  [x, y, z].forEach((value, d) => assertAlmostEquals(value, sum[d] / Math.hypot(...sum), 1e-5));
  await assertRejects(
    () => miniBatchKMeans([noisy(3)], 3, 4, random),
    ConfigError,
    "at least 4",
  );
});

const HEIGHT = 32, WIDTH = 64;

const config: PretrainConfig = {
  ...smallPretrainConfig,
  objective: "picie",
  reclusterEvery: 3,
  prototypes: 5,
  temperature: 0.2,
  warmupSteps: 1,
  steps: 7,
};

/** Frames in which the left third and the rest differ in colour. */
const sources = Array.from({ length: 4 }, (_, i): MixSource => {
  const random = randomStream(seed, "source", i);
  const rgb = new Uint8Array(HEIGHT * WIDTH * 3).map((_, at) =>
    (Math.floor(at / 3) % WIDTH < WIDTH / 3 ? 60 : 180) + random.integer(40)
  );
  return {
    height: HEIGHT,
    width: WIDTH,
    rgb,
    depth: { height: HEIGHT, width: WIDTH, disparity: new Float32Array(HEIGHT * WIDTH).fill(0.1) },
    regions: { height: HEIGHT, width: WIDTH, ids: new Int32Array(HEIGHT * WIDTH), regions: [] },
    horizon: 15,
  };
});
const mix = { ...tinyMixConfig, paste: "none" as const, sources: 3 };
const batchOf = (step: number) => mixedBatch(sources, mix, seed, step);

async function train(pretrainer: Pretrainer, first: number, last: number) {
  const losses: number[] = [];
  for (let step = first; step < last; step++) {
    await pretrainer.recluster(step, batchOf);
    losses.push((await pretrainer.step(batchOf(step), step)).loss);
  }
  return losses;
}

Deno.test("Pretrainer with objective picie lowers its loss within a clustering, and frees its tensors", async () => {
  const before = tf.memory().numTensors;
  const period = { ...config, reclusterEvery: 12, steps: 12 };
  const pretrainer = new Pretrainer(period, seed);
  await pretrainer.recluster(0, batchOf);
  await pretrainer.step(batchOf(0), 0);
  const held = tf.memory().numTensors;
  const losses = await train(pretrainer, 1, 12);
  assertEquals(tf.memory().numTensors, held);
  pretrainer.dispose();
  // Of the same steps, and so of the same clusters and samples, without learning.
  const optimizer = { ...config.optimizer, learningRate: 1e-12 };
  const unlearning = new Pretrainer({ ...period, optimizer }, seed);
  const unlearnt = (await train(unlearning, 0, 12)).slice(1);
  unlearning.dispose();
  const late = (values: number[]) => values.slice(-6).reduce((sum, value) => sum + value, 0) / 6;
  assert(late(losses) < late(unlearnt), `${losses.join(" ")} against ${unlearnt.join(" ")}`);
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("Pretrainer with objective picie has the first view's clusters as prototypes, anew each period", async () => {
  const pretrainer = new Pretrainer(config, seed);
  const drawn = await pretrainer.prototypes();
  await train(pretrainer, 0, 3);
  const first = await pretrainer.prototypes();
  assert(drawn.some((value, i) => Math.abs(value - first[i]) > 1e-3));
  await pretrainer.recluster(2, batchOf);
  assertEquals(await pretrainer.prototypes(), first);
  await pretrainer.recluster(3, batchOf);
  const second = await pretrainer.prototypes();
  assert(second.some((value, i) => Math.abs(value - first[i]) > 1e-4));
  // After the last step, whatever the period.
  await train(pretrainer, 3, 7);
  const last = await pretrainer.prototypes();
  await pretrainer.recluster(7, batchOf);
  assert((await pretrainer.prototypes()).some((value, i) => Math.abs(value - last[i]) > 1e-5));
  pretrainer.dispose();
});

Deno.test("Pretrainer with objective picie goes on to the same bytes amid a period", async () => {
  const whole = new Pretrainer(config, seed);
  await train(whole, 0, 4);
  const state = await whole.export();
  const losses = await train(whole, 4, 7);
  const resumed = new Pretrainer(config, seed);
  resumed.import(state);
  assertEquals(await train(resumed, 4, 7), losses);
  whole.dispose();
  resumed.dispose();
});

Deno.test("Pretrainer with objective picie leaves all as it was when its loss is not a number", async () => {
  const pretrainer = new Pretrainer(config, seed);
  await train(pretrainer, 0, 2);
  const before = await pretrainer.export(), tensors = tf.memory().numTensors;
  const batch = batchOf(2), spoilt = { ...batch, images: batch.images.map(() => NaN) };
  await assertRejects(() => pretrainer.step(spoilt, 2), TrainingError, "finite loss at step 2");
  assertEquals(tf.memory().numTensors, tensors);
  assertEquals(await pretrainer.export(), before);
  const cut = new Map(before).set("clusters.labels", {
    ...before.get("clusters.labels")!,
    data: new Int32Array(1),
  });
  const other = new Pretrainer(config, seed + 1), kept = await other.export();
  assertThrows(() => other.import(cut), CheckpointError, "labels");
  assertEquals(await other.export(), kept);
  for (const one of [pretrainer, other]) one.dispose();
});

Deno.test("Pretrainer with objective picie refuses mixed images and steps that were not clustered", async () => {
  const pretrainer = new Pretrainer(config, seed);
  await assertRejects(() => pretrainer.step(batchOf(0), 0), CheckpointError, "recluster");
  await assertRejects(
    () => pretrainer.recluster(0, (step) => syntheticBatch(step, HEIGHT, WIDTH)),
    ConfigError,
    "paste none",
  );
  pretrainer.dispose();
});
