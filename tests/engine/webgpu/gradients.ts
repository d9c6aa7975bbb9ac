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

/** The largest distance of two gradients, as a share of the second's length, and whose it is. */
export function furthestApart(
  ours: ReadonlyMap<string, Float64Array>,
  theirs: ReadonlyMap<string, Float64Array>,
): readonly [far: number, name: string] {
  let worst: readonly [number, string] = [0, ""];
  for (const [name, g] of theirs) {
    const h = ours.get(name)!;
    const far = Math.hypot(...g.map((value, i) => value - h[i])) / (Math.hypot(...g) + 1e-7);
    if (!(far <= worst[0])) worst = [far, name];
  }
  return worst;
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
