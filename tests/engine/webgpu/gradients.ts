/**
 * Gradients, read from what they do to a network.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { StateDict } from "../../../lib/nn/parameters.ts";
import type { Random } from "../../../lib/random.ts";

/** Adam's first moment moves by a tenth of the difference to the gradient. */
const KEPT = 0.9;
const MOMENTS = "optimizer.m.";

/** The gradient of each parameter that led from one state to the next, by the name of its moment. */
export function gradientsBetween(
  before: StateDict,
  after: StateDict,
): ReadonlyMap<string, Float64Array> {
  const gradients = new Map<string, Float64Array>();
  for (const [name, { data }] of before) {
    if (!name.startsWith(MOMENTS)) continue;
    const moment = after.get(name)!.data;
    gradients.set(name, Float64Array.from(moment, (m, i) => (m - KEPT * data[i]) / (1 - KEPT)));
  }
  assert(gradients.size > 10);
  return gradients;
}

/** How far apart two engines' gradients are. */
export interface Apart {
  /** Of all parameters together, as a share of the second's length. */
  readonly whole: number;
  /** Of the parameter that is furthest apart, as a share of its own length, and which that is. */
  readonly worst: number;
  readonly name: string;
}

/**
 * What a parameter's length is at least taken for, as a share of the whole gradient's: a thousandth of it is then
 * one unit in the last place of the whole. Below that a gradient is what rounding leaves of sums that cancel.
 */
const SHORTEST = 1e-4;

/** Compares gradients of the same parameters. */
export function apart(
  ours: ReadonlyMap<string, Float64Array>,
  theirs: ReadonlyMap<string, Float64Array>,
): Apart {
  const all = [...theirs].map(([name, g]) => {
    const h = ours.get(name)!;
    return { name, far: Math.hypot(...g.map((v, i) => v - h[i])), length: Math.hypot(...g) };
  });
  const length = Math.hypot(...all.map((one) => one.length));
  const share = (one: typeof all[number]) => one.far / Math.max(one.length, SHORTEST * length);
  // NaN counts as the furthest.
  const worst = all.reduce((a, b) => share(b) <= share(a) ? a : b);
  return {
    whole: Math.hypot(...all.map((one) => one.far)) / length,
    worst: share(worst),
    name: worst.name,
  };
}

/** The state with each parameter moved by normal noise, a share of itself, one way and the other. */
export function moved(state: StateDict, noise: number, random: Random): [StateDict, StateDict] {
  const there: StateDict = new Map(state), back: StateDict = new Map(state);
  for (const [name, tensor] of state) {
    if (name.startsWith("optimizer.")) continue;
    const shares = Float32Array.from(tensor.data, () => noise * random.normal());
    const by = (sign: number) => tensor.data.map((value, i) => value * (1 + sign * shares[i]));
    there.set(name, { ...tensor, data: by(1) });
    back.set(name, { ...tensor, data: by(-1) });
  }
  return [there, back];
}
