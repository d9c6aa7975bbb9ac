import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals } from "@std/assert";
import { useDevice } from "../../../lib/engine/device.ts";
import type { StateDict } from "../../../lib/nn/parameters.ts";
import { gpuTest } from "./support.ts";
import { pretraining, type Trainee } from "./trainees.ts";

/**
 * What both engines may differ by. From the same state a step differs by rounding alone, at most 3e-4 of a
 * gradient in 49 of 50 states that were looked at; in one some were 3e-3 apart, why is not known (a ReLU or a
 * maximum that chose otherwise would do it). Over many steps rounding grows without bound, since Adam's
 * first steps divide by their own size: single losses then say little, their mean says whether both train alike.
 */
interface Tolerance {
  /** Of a parameter's gradient, as a share of its length: the median over the common states. */
  readonly gradient: number;
  /** The same for each state by itself. */
  readonly single: number;
  /** Of the loss of a single step, as a share. */
  readonly loss: number;
  /** Of the mean loss of 50 steps after training apart, as a share. */
  readonly drift: number;
}

const STAGES: readonly [string, (seed: number) => Trainee, Tolerance][] = [
  ["pretraining", pretraining, { gradient: 1e-3, single: 1e-2, loss: 1e-5, drift: 0.1 }],
];

/** Steps from whose state both engines go one step on. */
const COMMON = [0, 1, 7, 20, 49];

for (const [name, make, tolerance] of STAGES) {
  gpuTest(
    `${name} agrees with the CPU from common states, and stays near it over 50 steps`,
    async (random) => {
      const seed = random.integer(1000);
      const theirs: number[] = [];
      const states = new Map<number, { before: StateDict; after: StateDict }>();
      await useDevice("cpu");
      const trainee = make(seed);
      for (let step = 0; step < 50; step++) {
        const before = COMMON.includes(step) ? await trainee.export() : undefined;
        theirs.push(await trainee.step(step));
        if (before) states.set(step, { before, after: await trainee.export() });
      }
      trainee.dispose();
      await tf.setBackend("webgpu");
      const ours = make(seed);
      const apart: number[] = [];
      for (let step = 0; step < 50; step++) apart.push(await ours.step(step));
      assertAlmostEquals(
        mean(apart),
        mean(theirs),
        tolerance.drift * Math.abs(mean(theirs)),
        "mean loss after training apart",
      );
      const differences = new Map<string, number[]>();
      for (const [step, { before, after }] of states) {
        ours.import(before);
        const loss = await ours.step(step);
        assertAlmostEquals(
          loss,
          theirs[step],
          tolerance.loss * Math.abs(theirs[step]),
          `loss of ${step}`,
        );
        compareGradients(
          before,
          await ours.export(),
          after,
          (far, what) => {
            assert(far <= tolerance.single, `step ${step}, ${what}: gradients are ${far} apart`);
            differences.set(what, [...differences.get(what) ?? [], far]);
          },
        );
      }
      for (const [what, far] of differences) {
        const median = far.toSorted((a, b) => a - b)[far.length >> 1];
        assert(median <= tolerance.gradient, `${what}: gradients are ${far} apart`);
      }
      ours.dispose();
    },
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Adam's first moment moves by a tenth of the difference to the gradient. */
const KEPT = 0.9;

/** Tells how far apart the gradients of each parameter are that led from one state to two others. */
function compareGradients(
  before: StateDict,
  ours: StateDict,
  theirs: StateDict,
  tell: (far: number, name: string) => void,
): void {
  let compared = 0;
  for (const [name, { data }] of before) {
    if (!name.startsWith("optimizer.m.")) continue;
    const [g, h] = [ours, theirs].map((after) =>
      Float64Array.from(after.get(name)!.data, (m, i) => (m - KEPT * data[i]) / (1 - KEPT))
    );
    const length = Math.hypot(...h);
    compared++;
    tell(Math.hypot(...g.map((value, i) => value - h[i])) / (length + 1e-7), name);
  }
  assert(compared > 10);
}
