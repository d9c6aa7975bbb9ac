import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals } from "@std/assert";
import { useDevice } from "../../../lib/engine/device.ts";
import type { StateDict } from "../../../lib/nn/parameters.ts";
import type { Random } from "../../../lib/random.ts";
import { type Apart, apart, gradientsBetween, moved } from "./gradients.ts";
import { gpuTest } from "./support.ts";
import { depthTraining, pretraining, type Trainee } from "./trainees.ts";

/**
 * What both engines may differ by. From the same state a step differs by rounding alone. Over many steps
 * rounding grows without bound, since Adam's first steps divide by their own size: single losses then say
 * little, their mean says whether both train alike.
 */
interface Tolerance {
  /** Of all parameters' gradients together in each state, as a share of their length. */
  readonly whole: number;
  /** Of each parameter's gradient, as a share of its own length; not compared where absent. */
  readonly each?: number;
  /** Of the loss of a single step, as a share. */
  readonly loss: number;
  /** Of the mean loss of 50 steps after training apart, as a share. */
  readonly drift: number;
  /** The same mean of a run that is compared may move by this share when its first parameters move by noise. */
  readonly steady: number;
}

/**
 * In depth training some parameters' gradients are millionths of the whole, which is what rounding leaves of sums
 * that cancel, and pixels change the nearer source by a digit: noise of 1e-6 moves such by more than 1e-3.
 */
const STAGES: readonly [string, (seed: number) => Trainee, Tolerance][] = [
  ["pretraining", pretraining, { whole: 1e-3, each: 1e-3, loss: 1e-5, drift: 0.1, steady: 0.05 }],
  ["depth training", depthTraining, { whole: 1e-3, loss: 1e-5, drift: 0.1, steady: 0.005 }],
];

const STEPS = 50;

/** From the first well-posed state at or after each of these both engines go one step on. */
const COMMON = [0, 1, 7, 20, 40];

/** A state, and where the CPU goes from there. */
interface Common {
  readonly step: number;
  readonly before: StateDict;
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

for (const [name, make, tolerance] of STAGES) {
  gpuTest(
    `${name} agrees with the CPU from common states, and stays near it over 50 steps`,
    async (random) => {
      await useDevice("cpu");
      const seed = await steadySeed(make, tolerance, random);
      const { losses, states } = await learnOnCpu(make, seed, tolerance, random);
      await tf.setBackend("webgpu");
      const ours = make(seed);
      const drifted: number[] = [];
      for (let step = 0; step < STEPS; step++) drifted.push(await ours.step(step));
      assertAlmostEquals(
        mean(drifted),
        mean(losses),
        tolerance.drift * Math.abs(mean(losses)),
        "mean loss after training apart",
      );
      for (const { step, before, loss, gradients } of states) {
        ours.import(before);
        const close = tolerance.loss * Math.abs(loss);
        assertAlmostEquals(await ours.step(step), loss, close, `loss of ${step}`);
        const far = apart(gradientsBetween(before, await ours.export()), gradients);
        assert(isWithin(far, tolerance), `gradients of ${step}: ${JSON.stringify(far)}`);
      }
      ours.dispose();
    },
  );
}

/**
 * The seed of a run that noise in its first parameters' last digits does not lead elsewhere on one and the same engine.
 * Pretraining's mean loss moves by 0.4% to 4%, that of most seeds of depth training by less than 0.5%; one in eight of
 * the latter moves by 1%, and now and then by 15% to 60%. Nothing can be said of two engines there.
 */
async function steadySeed(
  make: (seed: number) => Trainee,
  tolerance: Tolerance,
  random: Random,
): Promise<number> {
  const meanLoss = async (trainee: Trainee) => {
    const losses: number[] = [];
    for (let step = 0; step < STEPS; step++) losses.push(await trainee.step(step));
    trainee.dispose();
    return mean(losses);
  };
  for (let tries = 0; tries < 8; tries++) {
    const seed = random.integer(1000);
    const first = make(seed), start = await first.export();
    const expected = await meanLoss(first);
    const far = await Promise.all(
      moved(start, NOISE, random).map(async (near) => {
        const trainee = make(seed);
        trainee.import(near);
        return Math.abs(await meanLoss(trainee) - expected);
      }),
    );
    if (Math.max(...far) <= tolerance.steady * Math.abs(expected)) return seed;
  }
  throw new Error("no run of eight stays where it is under noise");
}

/** The losses of a run, and its states that are compared. */
async function learnOnCpu(
  make: (seed: number) => Trainee,
  seed: number,
  tolerance: Tolerance,
  random: Random,
): Promise<{ losses: number[]; states: Common[] }> {
  const trainee = make(seed), probe = make(seed);
  const losses: number[] = [];
  const states: Common[] = [];
  for (let step = 0; step < STEPS; step++) {
    const before = step >= COMMON[states.length] ? await trainee.export() : undefined;
    const loss = await trainee.step(step);
    losses.push(loss);
    if (!before) continue;
    const common = {
      step,
      before,
      loss,
      gradients: gradientsBetween(before, await trainee.export()),
    };
    if (await isWellPosed(probe, common, tolerance, random)) states.push(common);
  }
  trainee.dispose();
  probe.dispose();
  assert(states.length === COMMON.length, `only ${states.length} states are well posed`);
  return { losses, states };
}

/** A tie that falls either way at each try is missed once in 2^4. */
const PAIRS = 2;

/** Some units in the last place of a float: a few times what engines differ by. */
const NOISE = 1e-6;

/**
 * Whether loss and gradients on one and the same engine stay within the tolerance when all parameters move by
 * noise in their last digits, there and back. In about one state of 40 they do not: a ReLU or a maximum is
 * at a tie, a pixel at the image's border, or a feature that is nearly 0 is brought to unit length. Two engines
 * cannot agree there.
 */
async function isWellPosed(
  probe: Trainee,
  { before, step, loss, gradients }: Common,
  tolerance: Tolerance,
  random: Random,
): Promise<boolean> {
  for (let pair = 0; pair < PAIRS; pair++) {
    const noise = moved(before, NOISE, random);
    for (const near of noise) {
      probe.import(near);
      if (Math.abs(await probe.step(step) - loss) > closeTo(loss, tolerance)) return false;
      const far = apart(gradientsBetween(near, await probe.export()), gradients);
      if (!isWithin(far, tolerance)) return false;
    }
  }
  return true;
}

/** How far apart losses of a state may be. */
function closeTo(loss: number, tolerance: Tolerance): number {
  return tolerance.loss * Math.abs(loss);
}

function isWithin({ whole, worst }: Apart, tolerance: Tolerance): boolean {
  return whole <= tolerance.whole && worst <= (tolerance.each ?? Infinity);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
