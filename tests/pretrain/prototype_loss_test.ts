import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { prototypeLoss, type PrototypeLossOptions } from "../../lib/pretrain/prototype_loss.ts";
import type { SampleSet } from "../../lib/pretrain/sampling.ts";
import { randomStream } from "../../lib/random.ts";
import { sampleSet } from "./sample_set.ts";
import oracle from "../oracles/loss.json" with { type: "json" };

await useDevice("cpu");

/** The first of the two answers, as a scalar that can be differentiated. */
function lossOf(scores: tf.Tensor, samples: SampleSet, options: PrototypeLossOptions): tf.Scalar {
  return tf.sum(tf.slice(prototypeLoss(scores as tf.Tensor2D, samples, options), 0, 1));
}

const options = { epsilon: 0.05, iterations: 3, temperature: 0.1 };

Deno.test("prototypeLoss() and its gradient agree with PyTorch", () => {
  for (const { slots, prototypes, groups, scores, loss, gradient, ...settings } of oracle) {
    tf.tidy(() => {
      const input = tf.tensor2d(scores, [slots, prototypes]);
      const set = sampleSet(groups);
      const f = (s: tf.Tensor) => lossOf(s, set, settings);
      assertAlmostEquals(f(input).dataSync()[0], loss, 1e-5);
      const own = tf.grad(f)(input).dataSync();
      gradient.forEach((g, i) => assertAlmostEquals(own[i], g, 1e-5));
    });
  }
});

Deno.test("prototypeLoss() averages targets over groups: a case worked by hand", () => {
  // One iteration at epsilon 1 on the kernel [[2,1],[1,1]] gives q = [[4/7,3/7],[2/5,3/5]].
  const scores = tf.tensor2d([[Math.log(2), 0], [0, 0]]);
  const settings = { epsilon: 1, iterations: 1, temperature: 1 };
  const logs = [Math.log(2 / 3), Math.log(1 / 3), Math.log(1 / 2), Math.log(1 / 2)];
  const apart = [4 / 7, 3 / 7, 2 / 5, 3 / 5];
  const shared = [17 / 35, 18 / 35, 17 / 35, 18 / 35];
  for (const [groups, targets] of [[[0, 1], apart], [[0, 0], shared]]) {
    const expected = -targets.reduce((sum, q, i) => sum + q * logs[i], 0) / 2;
    const [loss, entropy] = prototypeLoss(scores, sampleSet(groups), settings).dataSync();
    assertAlmostEquals(loss, expected, 1e-6);
    const uncertainty = -apart.reduce((sum, q) => sum + q * Math.log(q), 0) / 2 / Math.log(2);
    assertAlmostEquals(entropy, uncertainty, 1e-6);
  }
});

Deno.test("prototypeLoss() gradient is that of the cross entropy to constant targets", () => {
  // With iterations 0 and a tiny perturbation the targets would move too; they are held constant
  // by taking them from the unperturbed scores, which the gradient formula says to do.
  const seed = Date.now();
  const random = randomStream(seed);
  const groups = [0, 1, 0, -1, 1];
  const values = Array.from({ length: 15 }, () => random.uniform(-0.5, 0.5));
  const targets = constantTargets(values);
  const set = sampleSet(groups);
  const gradient = tf.tidy(() =>
    tf.grad((s) => lossOf(s, set, { ...options, epsilon: 0.2 }))(tf.tensor2d(values, [5, 3]))
      .dataSync()
  );
  for (let i = 0; i < 15; i++) {
    const at = (h: number) => crossEntropy(values.map((v, j) => j === i ? v + h : v), targets);
    assertAlmostEquals(gradient[i], (at(1e-5) - at(-1e-5)) / 2e-5, 1e-4, `seed ${seed} entry ${i}`);
  }

  /** Assignments of the four present rows after three rounds, averaged over groups. */
  function constantTargets(scores: number[]): number[][] {
    const rows = groups.map((_, i) => scores.slice(3 * i, 3 * i + 3).map((s) => Math.exp(s / 0.2)));
    const present = rows.filter((_, i) => groups[i] >= 0);
    for (let round = 0; round < 3; round++) {
      const columns = [0, 1, 2].map((k) => present.reduce((sum, row) => sum + row[k], 0));
      for (const row of present) {
        row.forEach((_, k) => row[k] /= columns[k]);
        const total = row[0] + row[1] + row[2];
        row.forEach((_, k) => row[k] /= total);
      }
    }
    return groups.map((g) => {
      const members = rows.filter((_, i) => groups[i] === g);
      return [0, 1, 2].map((k) => members.reduce((sum, row) => sum + row[k], 0) / members.length);
    });
  }

  function crossEntropy(scores: number[], targets: number[][]): number {
    let sum = 0;
    groups.forEach((g, i) => {
      if (g < 0) return;
      const row = scores.slice(3 * i, 3 * i + 3).map((s) => s / options.temperature);
      const total = Math.log(row.reduce((a, x) => a + Math.exp(x), 0));
      row.forEach((x, k) => sum -= targets[i][k] * (x - total));
    });
    return sum / groups.filter((g) => g >= 0).length;
  }
});

Deno.test("prototypeLoss() is 0 with no gradient when every slot is empty, and keeps no tensor", () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const f = (s: tf.Tensor) => lossOf(s, sampleSet([-1, -1]), options);
    const scores = tf.tensor2d([[0.1, 0.2], [0.3, -0.4]]);
    const { value, grad } = tf.valueAndGrad(f)(scores);
    assertEquals(Math.abs(value.dataSync()[0]), 0);
    assertEquals([...grad.dataSync()].map(Math.abs), [0, 0, 0, 0]);
  });
  assertEquals(tf.memory().numTensors, before);
});
