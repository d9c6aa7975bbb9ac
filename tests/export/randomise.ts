/** States of networks as if they had been trained: no statistic is left at its beginning. */
import type { Random } from "../../lib/random.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";

/** The state with random batch normalisations and offsets; convolutions keep their draws. */
export function randomise(state: StateDict, random: Random): StateDict {
  return new Map(
    [...state].map(([name, tensor]) => {
      const variance = name.endsWith("running_var");
      const scale = tensor.shape.length === 1 && name.endsWith("weight");
      if (name.startsWith("optimizer.") || tensor.shape.length !== 1) return [name, tensor];
      const draw = () => variance || scale ? random.uniform(0.5, 1.5) : random.normal(0, 0.2);
      return [name, { ...tensor, data: Float32Array.from(tensor.data, draw) }];
    }),
  );
}
