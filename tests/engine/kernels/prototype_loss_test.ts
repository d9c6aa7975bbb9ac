import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { prototypeLoss, swappedPrediction } from "../../../lib/pretrain/prototype_loss.ts";
import type { SampleSet } from "../../../lib/pretrain/sampling.ts";
import { similarity } from "../../../lib/evaluate/similarity.ts";
import type { Random } from "../../../lib/random.ts";
import { sinkhornByLoops } from "../../oracles/sinkhorn.ts";
import { library, nativeTest } from "./support.ts";

type Rows = number[][];

function drawRows(random: Random, count: number, depth: number): Rows {
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: depth }, () => random.normal());
    const length = Math.hypot(...row);
    return row.map((value) => Math.fround(value / length));
  });
}

function drawSamples(random: Random, rows: number): SampleSet {
  const groupCount = 1 + random.integer(rows);
  const groups = Int32Array.from({ length: rows }, () => random.integer(groupCount + 1) - 1);
  const count = groups.filter((group) => group >= 0).length;
  const perImage = 1 + random.integer(rows);
  return { images: 1, perImage, positions: new Float32Array(2 * rows), groups, groupCount, count };
}

const dot = (a: number[], b: number[]) => a.reduce((sum, value, c) => sum + value * b[c], 0);

/** Mean target of each row's group from the plain definition, zeros for absent rows. */
function targetsOf(features: Rows, prototypes: Rows, groups: Int32Array, epsilon: number): Rows {
  const scores = features.map((row) => prototypes.map((prototype) => dot(row, prototype)));
  const present = [...groups.keys()].filter((i) => groups[i] >= 0);
  const q = present.length ? sinkhornByLoops(present.map((i) => scores[i]), epsilon, 3) : [];
  return features.map((_, i) => {
    const own = present.flatMap((member, at) => groups[member] === groups[i] ? [q[at]] : []);
    return prototypes.map((_, k) =>
      own.reduce((sum, row) => sum + row[k], 0) / Math.max(1, own.length)
    );
  });
}

function crossEntropy(
  features: Rows,
  prototypes: Rows,
  targets: Rows,
  temperature: number,
): number {
  const present = targets.filter((row) => row.some((value) => value > 0)).length;
  let sum = 0;
  features.forEach((row, i) => {
    const logits = prototypes.map((prototype) => dot(row, prototype) / temperature);
    const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0));
    logits.forEach((logit, k) => sum -= targets[i][k] * (logit - total));
  });
  return sum / Math.max(1, present);
}

const SETTINGS = { epsilon: 0.05, iterations: 3, temperature: 0.1 };

nativeTest(
  "PrototypeLoss agrees with loops, gradients with finite differences",
  "cpcdr_prototype_loss",
  (random) => {
    for (let round = 0; round < 12; round++) {
      const [n, k, d] = [1 + random.integer(9), 2 + random.integer(7), 1 + random.integer(6)];
      const features = drawRows(random, n, d), prototypes = drawRows(random, k, d);
      const samples = drawSamples(random, n);
      const targets = targetsOf(features, prototypes, samples.groups, SETTINGS.epsilon);
      const at = (f: Rows, p: Rows) => crossEntropy(f, p, targets, SETTINGS.temperature);
      const loss = (f: tf.Tensor, p: tf.Tensor) =>
        tf.sum(tf.slice(
          swappedPrediction(f as tf.Tensor2D, p as tf.Tensor2D, samples, SETTINGS).lossAndEntropy,
          0,
          1,
        )) as tf.Scalar;
      const { value, grads } = tf.valueAndGrads(loss)([
        tf.tensor2d(features, [n, d]),
        tf.tensor2d(prototypes, [k, d]),
      ]);
      const expected = at(features, prototypes);
      assertAlmostEquals(value.dataSync()[0], expected, 2e-4 * (1 + Math.abs(expected)));
      const moved = (rows: Rows, i: number, c: number, h: number) =>
        rows.map((row, j) => j === i ? row.map((v, e) => e === c ? v + h : v) : row);
      const [df, dp] = grads.map((gradient) => gradient.arraySync() as Rows);
      const h = 1e-5;
      features.forEach((row, i) =>
        row.forEach((_, c) => {
          const slope =
            (at(moved(features, i, c, h), prototypes) - at(moved(features, i, c, -h), prototypes)) /
            2 / h;
          // Absent rows have targets of 0 and no gradient; crossEntropy() is flat in them too.
          assertAlmostEquals(df[i][c], slope, 2e-3 * (1 + Math.abs(slope)), `${n} x ${k} x ${d}`);
        })
      );
      prototypes.forEach((row, i) =>
        row.forEach((_, c) => {
          const slope =
            (at(features, moved(prototypes, i, c, h)) - at(features, moved(prototypes, i, c, -h))) /
            2 / h;
          assertAlmostEquals(dp[i][c], slope, 2e-3 * (1 + Math.abs(slope)), `${n} x ${k} x ${d}`);
        })
      );
    }
  },
);

nativeTest("PrototypeLoss agrees with the composed form", "cpcdr_prototype_loss", (random) => {
  const shapes = [[1, 2, 3], [700, 33, 16], [2100, 300, 24], [9000, 20, 4]];
  for (const [n, k, d] of shapes) {
    for (const settings of [SETTINGS, { epsilon: 0.1, iterations: 0, temperature: 0.5 }]) {
      const samples = drawSamples(random, n);
      const features = tf.tensor2d(drawRows(random, n, d), [n, d]);
      const prototypes = tf.tensor2d(drawRows(random, k, d), [k, d]);
      const fused = (f: tf.Tensor, p: tf.Tensor) =>
        tf.sum(tf.slice(
          swappedPrediction(f as tf.Tensor2D, p as tf.Tensor2D, samples, settings).lossAndEntropy,
          0,
          1,
        )) as tf.Scalar;
      const composed = (f: tf.Tensor, p: tf.Tensor) =>
        tf.sum(tf.slice(
          prototypeLoss(
            tf.matMul(f as tf.Tensor2D, p as tf.Tensor2D, false, true),
            samples,
            settings,
          ),
          0,
          1,
        )) as tf.Scalar;
      const got = tf.valueAndGrads(fused)([features, prototypes]);
      const expected = tf.valueAndGrads(composed)([features, prototypes]);
      const what = `${n} x ${k} x ${d}`;
      const loss = expected.value.dataSync()[0];
      assertAlmostEquals(got.value.dataSync()[0], loss, 1e-4 * (1 + Math.abs(loss)), what);
      got.grads.forEach((gradient, g) => {
        const ours = gradient.dataSync<"float32">();
        const theirs = expected.grads[g].dataSync<"float32">();
        const largest = theirs.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        ours.forEach((v, i) => assertAlmostEquals(v, theirs[i], 1e-3 * largest + 1e-12, what));
      });
      const scores: tf.Tensor2D = tf.matMul(features, prototypes, false, true);
      const one = swappedPrediction(features, prototypes, samples, settings);
      assertEquals(one.nearest.dataSync(), tf.argMax(scores, 1).dataSync(), what);
      const entropies = [one.lossAndEntropy, prototypeLoss(scores, samples, settings)]
        .map((both) => both.dataSync()[1]);
      assertAlmostEquals(entropies[0], entropies[1], 1e-4, what);
    }
  }
});

nativeTest(
  "PrototypeLoss without any sample is 0 with no gradient",
  "cpcdr_prototype_loss",
  (random) => {
    const samples = {
      ...drawSamples(random, 2),
      groups: Int32Array.of(-1, -1),
      groupCount: 0,
      count: 0,
    };
    const loss = (f: tf.Tensor) => {
      const prototypes = tf.tensor2d([[1, 0], [0, 1]]);
      return tf.sum(
        swappedPrediction(f as tf.Tensor2D, prototypes, samples, SETTINGS).lossAndEntropy,
      ) as tf.Scalar;
    };
    const { value, grad } = tf.valueAndGrad(loss)(tf.tensor2d([[1, 0], [0.6, 0.8]]));
    assertEquals(value.dataSync()[0], 0);
    assertEquals([...grad.dataSync()].map(Math.abs), [0, 0, 0, 0]);
  },
);

nativeTest(
  "cpcdr_prototype_loss() answers a status to bad sizes and groups",
  "cpcdr_prototype_loss",
  () => {
    const call = (sizes: number[], group: number, epsilon: number) =>
      library!.symbols.cpcdr_prototype_loss(
        new Float32Array(4),
        new Float32Array(4),
        Int32Array.of(group, group),
        new Float32Array(2),
        new Int32Array(2),
        new Float32Array(4),
        new Float32Array(4),
        Int32Array.from(sizes),
        epsilon,
        0.1,
      );
    const sizes = [2, 2, 2, 1, 3, 2];
    assertEquals(call(sizes, 0, 0.05), 0);
    assertEquals(call(sizes, 1, 0.05), 1);
    assertEquals(call(sizes, 0, 0), 1);
    for (let i = 0; i < 6; i++) assertEquals(call(sizes.with(i, -1), -1, 0.05), 1, `size ${i}`);
  },
);

nativeTest(
  "similarity() agrees with loops, with and without the library",
  "cpcdr_similarity",
  (random) => {
    for (let round = 0; round < 60; round++) {
      const [n, k, d] = [1 + random.integer(60), 1 + random.integer(60), 1 + random.integer(40)];
      const a = Float32Array.from({ length: n * d }, () => random.normal());
      const b = Float32Array.from({ length: k * d }, () => random.normal());
      if (round % 7 === 0) a.fill(0, 0, d);
      const kind = random.pick(["cosine", "dot"] as const);
      for (const engine of [library!, null]) {
        const got = similarity(a, b, { dimension: d, kind }, engine);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < k; j++) {
            const [u, v] = [[...a.slice(i * d, i * d + d)], [...b.slice(j * d, j * d + d)]];
            const lengths = kind === "cosine" ? Math.hypot(...u) * Math.hypot(...v) : 1;
            const expected = lengths > 0 ? dot(u, v) / lengths : 0;
            assert(
              Math.abs(got[i * k + j] - expected) < 1e-5 * (1 + d),
              `${n} x ${k} x ${d} ${kind}`,
            );
          }
        }
      }
    }
  },
);
