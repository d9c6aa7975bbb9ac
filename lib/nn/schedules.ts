/**
 * Learning rates as functions of the step.
 *
 * @module
 */

/** The learning rate of step 0, 1, ... */
export type Schedule = (step: number) => number;

/** Settings of {@linkcode warmupCosine}. */
export interface WarmupCosineOptions {
  /** The highest rate, reached at the end of the warm-up. */
  readonly peak: number;
  /** The rate of the last step. */
  readonly final: number;
  /** Steps of linear rise to the peak; 0 for none. */
  readonly warmupSteps: number;
  /** Steps in all; later ones keep the final rate. */
  readonly steps: number;
}

/**
 * A linear warm-up, then half a cosine (Loshchilov and Hutter 2017):
 * final + (peak - final) (1 + cos(pi t)) / 2 with t from 0 to 1.
 */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  const { peak, final, warmupSteps, steps } = options;
  return (step) => {
    if (step < warmupSteps) return peak * (step + 1) / warmupSteps;
    const length = Math.max(1, steps - 1 - warmupSteps);
    const t = Math.min(1, (step - warmupSteps) / length);
    return final + (peak - final) * (1 + Math.cos(Math.PI * t)) / 2;
  };
}

/** `initial`, multiplied by `factor` at each of the given steps. */
export function stepwise(initial: number, milestones: readonly number[], factor: number): Schedule {
  return (step) => initial * factor ** milestones.filter((milestone) => step >= milestone).length;
}

/** `initial` (1 - step / steps)^power; 0 from step `steps` on. */
export function polynomial(initial: number, steps: number, power: number): Schedule {
  return (step) => initial * Math.max(0, 1 - step / steps) ** power;
}
