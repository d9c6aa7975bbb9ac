/**
 * How weights begin.
 *
 * @module
 */
import type { Random } from "../random.ts";

/** Draws one element of a new weight; convolutions are `[height, width, inputs, outputs]`. */
export type Initializer = (random: Random, shape: readonly number[]) => number;

/**
 * A normal number of deviation sqrt(2 / fan), where the fan counts the outgoing connections of a
 * convolution (kernel area times outputs): the rule for layers followed by ReLU (He et al. 2015,
 * equation 14), and torchvision's for ResNets.
 */
export const kaimingNormal: Initializer = (random, [height, width, , outputs]) =>
  random.normal(0, Math.sqrt(2 / (height * width * outputs)));

/** A uniform number within +-bound; within +-1/sqrt(fan in) where none is given, as in PyTorch. */
export function uniform(bound?: number): Initializer {
  return (random, [height, width, inputs]) => {
    const limit = bound ?? 1 / Math.sqrt(height * width * inputs);
    return random.uniform(-limit, limit);
  };
}

/**
 * A uniform number of deviation sqrt(2 / fan in), which keeps the size of activations from layer to
 * layer where no normalisation does (He et al. 2015, equation 10).
 */
export const kaimingUniform: Initializer = (random, [height, width, inputs]) => {
  const limit = Math.sqrt(6 / (height * width * inputs));
  return random.uniform(-limit, limit);
};

/** Always the same number. */
export function constant(value: number): Initializer {
  return () => value;
}
