/** Batch normalisation over all axes but the last, in double precision. */
import { along, at, build, type Dense } from "./dense.ts";

export interface Normalised {
  readonly y: Dense;
  readonly mean: Dense;
  readonly variance: Dense;
}

export function normalised(
  x: Dense,
  scale: Dense,
  offset: Dense,
  { epsilon, relu, residual }: { epsilon: number; relu: boolean; residual?: Dense },
): Normalised {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const average = (values: number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = along(x, axes, average);
  const variance = along(x, axes, (values) => {
    const centre = average(values);
    return average(values.map((value) => (value - centre) ** 2));
  });
  const y = build(x.shape, (place) => {
    const normal = (at(x, place) - at(mean, place)) / Math.sqrt(at(variance, place) + epsilon);
    const value = normal * at(scale, place) + at(offset, place) +
      (residual ? at(residual, place) : 0);
    return relu && value < 0 ? 0 : value;
  });
  return { y, mean, variance };
}
