import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../lib/errors.ts";
import type { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { registerKernels } from "../../../lib/engine/webgpu/kernel.ts";
import { prototypeLossKernels } from "../../../lib/engine/webgpu/kernels/prototype_loss/loss.ts";
import {
  prototypeLoss,
  type PrototypeLossOptions,
  swappedPrediction,
} from "../../../lib/pretrain/prototype_loss.ts";
import type { SampleSet } from "../../../lib/pretrain/sampling.ts";
import { type Random, randomStream } from "../../../lib/random.ts";
import { swappedByLoops } from "../../oracles/swapped.ts";
import { FORMS } from "./forms.ts";
import { gpuTest } from "./support.ts";

const SETTINGS = { epsilon: 0.05, iterations: 3, temperature: 0.1 };

function drawRows(random: Random, count: number, depth: number): number[][] {
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: depth }, () => random.normal());
    const length = Math.hypot(...row);
    return row.map((value) => Math.fround(value / length));
  });
}

/** Slots of so many groups; about one in `groupCount + 1` is empty. */
function drawSamples(random: Random, slots: number, groupCount: number): SampleSet {
  const groups = Int32Array.from({ length: slots }, () => random.integer(groupCount + 1) - 1);
  return sampleSet(groups, groupCount, 1 + random.integer(slots));
}

function sampleSet(groups: Int32Array, groupCount: number, perImage: number): SampleSet {
  const count = groups.filter((group) => group >= 0).length;
  const positions = new Float32Array(2 * groups.length);
  return { images: 1, perImage, positions, groups, groupCount, count };
}

interface Answer {
  readonly loss: number;
  readonly entropy: number;
  readonly nearest: ArrayLike<number>;
  readonly dfeatures: Float32Array;
  readonly dprototypes: Float32Array;
}

type Form = (
  f: tf.Tensor2D,
  p: tf.Tensor2D,
  s: SampleSet,
  o: PrototypeLossOptions,
) => tf.Tensor1D[];

const composed: Form = (features, prototypes, samples, options) => {
  const scores: tf.Tensor2D = tf.matMul(features, prototypes, false, true);
  return [prototypeLoss(scores, samples, options), tf.argMax(scores, 1)];
};

/** @param scoreBytes The budget of the kernel, which is registered anew. */
const fused = (scoreBytes?: number): Form => (...args) => {
  registerKernels(prototypeLossKernels(scoreBytes));
  const { lossAndEntropy, nearest } = swappedPrediction(...args);
  return [lossAndEntropy, nearest];
};

async function run(
  form: Form,
  features: number[][],
  prototypes: number[][],
  samples: SampleSet,
  options: PrototypeLossOptions = SETTINGS,
): Promise<Answer> {
  const tensors = tf.tidy(() => {
    const inputs = [features, prototypes].map((rows) => tf.tensor2d(rows));
    let both: tf.Tensor1D[] = [];
    const { grads } = tf.valueAndGrads((f: tf.Tensor, p: tf.Tensor) => {
      both = form(f as tf.Tensor2D, p as tf.Tensor2D, samples, options).map(tf.keep);
      return tf.sum(tf.slice(both[0], 0, 1)) as tf.Scalar;
    })(inputs);
    return [...both, ...grads];
  });
  const [[loss, entropy], nearest, dfeatures, dprototypes] = await Promise.all(
    tensors.map((tensor) => tensor.data()),
  );
  tf.dispose(tensors);
  const gradients = { dfeatures, dprototypes } as Pick<Answer, "dfeatures" | "dprototypes">;
  return { loss, entropy, nearest, ...gradients };
}

/** Gradients may differ by a share of their largest, and by what rounding a probability of 1 leaves. */
function assertGradients(
  ours: Float32Array,
  theirs: readonly number[],
  rounding: number,
  what: string,
): void {
  assertEquals(ours.length, theirs.length);
  const largest = theirs.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
  ours.forEach((g, i) =>
    assertAlmostEquals(g, theirs[i], 1e-4 * largest + rounding, `${what}, ${i}`)
  );
}

Deno.test("swappedByLoops() has the gradients of its loss to constant targets", () => {
  const seed = Date.now(), random = randomStream(seed);
  const draw = (count: number) =>
    Array.from({ length: count }, () => [0, 1, 2].map(() => random.uniform(-0.6, 0.6)));
  const features = draw(5), prototypes = draw(4), groups = [0, 1, -1, 0, 1];
  // Without dependence on the scores targets are constants: at a large epsilon assignments are all alike.
  const settings = { epsilon: 1e9, iterations: 0, temperature: 0.3 };
  const at = (f: number[][], p: number[][]) => swappedByLoops(f, p, groups, 5, settings);
  const { dfeatures, dprototypes } = at(features, prototypes);
  const h = 1e-5;
  const moved = (rows: number[][], i: number, c: number, by: number) =>
    rows.map((row, j) => row.map((value, e) => i === j && c === e ? value + by : value));
  for (
    const [rows, gradient, loss] of [
      [features, dfeatures, (f: number[][]) => at(f, prototypes).loss],
      [prototypes, dprototypes, (p: number[][]) => at(features, p).loss],
    ] as const
  ) {
    rows.forEach((row, i) =>
      row.forEach((_, c) => {
        const slope = (loss(moved(rows, i, c, h)) - loss(moved(rows, i, c, -h))) / 2 / h;
        assert(Math.abs(slope - gradient[i][c]) < 1e-7, `seed ${seed}`);
      })
    );
  }
});

/** Slots, prototypes, numbers, groups, and rows of scores that fit the budget. */
const CASES = [
  [1, 5, 3, 1, 100],
  [9, 1, 4, 2, 100],
  [9, 1, 1, 3, 2],
  [1, 1, 1, 1, 1],
  [61, 33, 7, 20, 1000],
  [61, 33, 7, 20, 10],
  [150, 36, 8, 40, 50],
  // A group of about 70 rows beside some of few: longer than a piece, and than a chunk.
  [140, 20, 5, 1, 1000],
  [140, 20, 5, 1, 16],
  [203, 6, 3, 2, 90],
  // One of over 32 pieces.
  [2400, 4, 2, 1, 5000],
] as const;

// Forms differ in the invocations along a row, and in the products.
for (const [form, tiles] of [FORMS[0], FORMS[1], FORMS[3]]) {
  gpuTest(`PrototypeLoss agrees with loops ${form}`, async (random) => {
    for (const [slots, prototypeCount, depth, groupCount, rows] of CASES) {
      for (const iterations of [0, 3]) {
        const what = `${slots} x ${prototypeCount} x ${depth}, ${iterations} iterations`;
        const features = drawRows(random, slots, depth);
        const prototypes = drawRows(random, prototypeCount, depth);
        const samples = drawSamples(random, slots, groupCount);
        const options = { ...SETTINGS, iterations };
        const { groups, perImage } = samples;
        const expected = swappedByLoops(features, prototypes, groups, perImage, options);
        const bytes = 4 * prototypeCount * rows;
        const ours = await run(fused(bytes), features, prototypes, samples, options);
        assertAlmostEquals(ours.loss, expected.loss, 1e-5 * (1 + expected.loss), what);
        // Of one prototype entropies have no unit.
        if (prototypeCount > 1) assertAlmostEquals(ours.entropy, expected.entropy, 1e-5, what);
        expected.scores.forEach((row, i) =>
          assertAlmostEquals(row[ours.nearest[i]], Math.max(...row), 1e-6, what)
        );
        const rounding = 2e-6 / options.temperature;
        assertGradients(
          ours.dfeatures,
          expected.dfeatures.flat(),
          rounding / Math.max(1, samples.count),
          what,
        );
        assertGradients(ours.dprototypes, expected.dprototypes.flat(), rounding, what);
      }
    }
  }, { tiles });
}

gpuTest("PrototypeLoss agrees with the composed form", async (random) => {
  for (const [slots, prototypeCount, depth, groupCount] of [[700, 100, 16, 150], [900, 45, 6, 3]]) {
    const features = drawRows(random, slots, depth);
    const prototypes = drawRows(random, prototypeCount, depth);
    const samples = drawSamples(random, slots, groupCount);
    const expected = await run(composed, features, prototypes, samples);
    for (const bytes of [undefined, 4 * prototypeCount * 100]) {
      const ours = await run(fused(bytes), features, prototypes, samples);
      const what = `${slots} x ${prototypeCount}, ${bytes} bytes`;
      assertAlmostEquals(ours.loss, expected.loss, 1e-5 * expected.loss, what);
      assertAlmostEquals(ours.entropy, expected.entropy, 1e-5, what);
      assertEquals([...Array.from(ours.nearest)], [...Array.from(expected.nearest)], what);
      assertGradients(ours.dfeatures, [...expected.dfeatures], 0, what);
      assertGradients(ours.dprototypes, [...expected.dprototypes], 0, what);
    }
  }
});

gpuTest(
  "PrototypeLoss of empty slots alone is 0 with no gradient, and finds the nearest",
  async () => {
    const features = [[0.6, 0.8], [1, 0], [0, 1]], prototypes = [[1, 0], [0, 1]];
    for (const bytes of [undefined, 8]) {
      const samples = sampleSet(Int32Array.of(-1, -1, -1), 0, 2);
      const ours = await run(fused(bytes), features, prototypes, samples);
      assertEquals([ours.loss, ours.entropy].map(Math.abs), [0, 0]);
      assertEquals([...Array.from(ours.nearest)], [1, 0, 1]);
      assert([...ours.dfeatures, ...ours.dprototypes].every((g) => g === 0));
    }
  },
);

for (const [form, tiles] of [FORMS[0], FORMS[1]]) {
  gpuTest(`PrototypeLoss takes the first of prototypes that are equally near ${form}`, async () => {
    // Equal ones are looked at by different invocations, and by the same.
    const prototypes = Array.from({ length: 300 }, (_, k) => [k < 3 ? -1 : 1, 0]);
    const samples = sampleSet(Int32Array.of(0, 1), 2, 2);
    const ours = await run(fused(), [[1, 0], [-1, 0]], prototypes, samples);
    assertEquals([...Array.from(ours.nearest)], [3, 0]);
  }, { tiles });
}

gpuTest("PrototypeLoss of a feature that is NaN is NaN", async (random) => {
  for (const bytes of [undefined, 40]) {
    const features = drawRows(random, 6, 4).with(2, [NaN, 0, 0, 1]);
    const samples = sampleSet(Int32Array.of(0, 0, 1, 1, 2, 2), 3, 6);
    const ours = await run(fused(bytes), features, drawRows(random, 5, 4), samples);
    assert(Number.isNaN(ours.loss));
    assert([...ours.dprototypes].some(Number.isNaN));
  }
});

gpuTest("PrototypeLoss gives the same bytes twice", async (random) => {
  const features = drawRows(random, 150, 12), prototypes = drawRows(random, 24, 12);
  const samples = drawSamples(random, 150, 30);
  for (const bytes of [undefined, 4 * 24 * 20]) {
    const first = await run(fused(bytes), features, prototypes, samples);
    assertEquals(await run(fused(bytes), features, prototypes, samples), first);
  }
});

/** Bytes that the pool holds, and tensors. */
function held() {
  const { pool } = tf.backend() as WebGpuBackend;
  return { pool: pool.idleBytes + pool.lentBytes, tensors: tf.memory().numTensors };
}

gpuTest("PrototypeLoss keeps no tensor, and its pool does not grow", async (random) => {
  const features = drawRows(random, 200, 8), prototypes = drawRows(random, 20, 8);
  const samples = drawSamples(random, 200, 50);
  const form = fused(4 * 20 * 40);
  for (let warm = 0; warm < 3; warm++) await run(form, features, prototypes, samples);
  const before = held();
  for (let step = 0; step < 5; step++) await run(form, features, prototypes, samples);
  assertEquals(held(), before);
});

gpuTest("PrototypeLoss holds a part of the scores where its budget is small", async (random) => {
  const features = drawRows(random, 2000, 4), prototypes = drawRows(random, 256, 4);
  const samples = drawSamples(random, 2000, 400);
  const { pool } = tf.backend() as WebGpuBackend, matrix = 4 * 2000 * 256;
  const taken = async (bytes?: number) => {
    pool.clear();
    const before = held().pool;
    await run(fused(bytes), features, prototypes, samples);
    return held().pool - before;
  };
  const [all, some] = [await taken(), await taken(matrix / 10)];
  assert(all >= matrix && all < 2 * matrix, `${all} bytes with one matrix of ${matrix}`);
  assert(some < matrix / 2, `${some} bytes with a tenth of a matrix of ${matrix}`);
});

gpuTest("PrototypeLoss refuses what the native engine refuses", (random) => {
  const attempt = (groups: number[], options: Partial<PrototypeLossOptions> = {}) => () =>
    swappedPrediction(
      tf.tensor2d(drawRows(random, 2, 3)),
      tf.tensor2d(drawRows(random, 4, 3)),
      sampleSet(Int32Array.from(groups), 1, 2),
      { ...SETTINGS, ...options },
    );
  attempt([0, 0])();
  assertThrows(attempt([0, 1]), DeviceError, "expected groups below 1, got 1");
  assertThrows(attempt([0]), DeviceError, "expected a group for each of 2 rows, got 1");
  assertThrows(attempt([0, 0], { epsilon: 0 }), DeviceError, "an epsilon above 0");
  assertThrows(attempt([0, 0], { temperature: NaN }), DeviceError, "a temperature above 0");
});
