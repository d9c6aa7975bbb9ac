import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals } from "@std/assert";
import { useDevice } from "../../../lib/engine/device.ts";
import type { StateDict } from "../../../lib/nn/parameters.ts";
import { gpuTest } from "./support.ts";
import { pretraining, type Trainee } from "./trainees.ts";

/**
 * What both engines may differ by; a run on llvmpipe kept within it. From the same state a step's
 * gradients differ by rounding alone; over many steps the difference grows, since Adam divides by the
 * size of gradients and minima and ReLUs choose.
 */
interface Tolerance {
  /** Of a parameter's gradient, as a share of its length. */
  readonly gradient: number;
  /** Of the loss of a single step, as a share. */
  readonly loss: number;
  /** Of the loss of step 50, and of any step before it, after training apart. */
  readonly drift: number;
}

const STAGES: readonly [string, (seed: number) => Trainee, Tolerance][] = [
  ["pretraining", pretraining, { gradient: 1e-3, loss: 1e-5, drift: 0.1 }],
];

/** Steps from whose state both engines go one step on. */
const COMMON = [0, 1, 7, 20, 49];

for (const [name, make, tolerance] of STAGES) {
  gpuTest(
    `${name} agrees with the CPU from common states, and stays near it over 50 steps`,
    async (random) => {
      const seed = random.integer(1000);
      const theirs: number[] = [];
      const states = new Map<number, StateDict>();
      await useDevice("cpu");
      const trainee = make(seed);
      for (let step = 0; step < 50; step++) {
        if (COMMON.includes(step)) states.set(step, await trainee.export());
        theirs.push(await trainee.step(step));
        if (COMMON.includes(step)) states.set(-1 - step, await trainee.export());
      }
      trainee.dispose();
      await tf.setBackend("webgpu");
      const ours = make(seed);
      for (let step = 0; step < 50; step++) {
        const loss = await ours.step(step);
        assertAlmostEquals(
          loss,
          theirs[step],
          tolerance.drift * Math.abs(theirs[step]),
          `drift at ${step}`,
        );
      }
      for (const step of COMMON) {
        ours.import(states.get(step)!);
        const loss = await ours.step(step);
        assertAlmostEquals(
          loss,
          theirs[step],
          tolerance.loss * Math.abs(theirs[step]),
          `loss of ${step}`,
        );
        compareGradients(
          states.get(step)!,
          await ours.export(),
          states.get(-1 - step)!,
          (far, what) =>
            assert(far <= tolerance.gradient, `step ${step}, ${what}: gradients are ${far} apart`),
        );
      }
      ours.dispose();
    },
  );
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
