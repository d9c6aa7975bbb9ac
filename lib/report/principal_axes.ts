/**
 * Principal component analysis of many short vectors.
 *
 * @module
 */

import { randomStream } from "../random.ts";

/** What {@linkcode principalAxes} answers. */
export interface PrincipalAxes {
  /** `[channels]` mean of the rows. */
  readonly mean: Float64Array;
  /** Orthonormal `[channels]` axes, that of the largest variance first; zeros where there is none left. */
  readonly axes: readonly Float64Array[];
  /** Standard deviation of the rows along each axis. */
  readonly deviations: readonly number[];
}

const ITERATIONS = 100;

/** A variance below this share of the largest one is rounding. */
const NOTHING = 1e-12;

/**
 * The axes of largest variance of `[n,channels]` rows, by power iteration on their covariance, each at right
 * angles to those before it: a few axes are wanted of a small matrix, which no library at hand does
 * in less. The sign of an axis is the one that makes its largest component positive.
 */
export function principalAxes(
  rows: ArrayLike<number>,
  channels: number,
  count: number,
): PrincipalAxes {
  const { mean, covariance } = covarianceOf(rows, channels);
  const random = randomStream(0, "principal-axes");
  const axes: Float64Array[] = [], variances: number[] = [];
  for (let k = 0; k < count; k++) {
    const start = Float64Array.from({ length: channels }, () => random.normal());
    const { axis, variance } = nextAxis(covariance, axes, start);
    const holds = variance > NOTHING * (variances[0] ?? 0);
    axes.push(holds ? axis : new Float64Array(channels));
    variances.push(holds ? variance : 0);
  }
  return { mean, axes, deviations: variances.map(Math.sqrt) };
}

function covarianceOf(
  rows: ArrayLike<number>,
  channels: number,
): { mean: Float64Array; covariance: Float64Array } {
  const count = rows.length / channels;
  const mean = new Float64Array(channels), covariance = new Float64Array(channels * channels);
  for (let i = 0; i < rows.length; i++) mean[i % channels] += rows[i] / count;
  const centred = new Float64Array(channels);
  for (let start = 0; start < rows.length; start += channels) {
    for (let c = 0; c < channels; c++) centred[c] = rows[start + c] - mean[c];
    for (let i = 0; i < channels; i++) {
      for (let j = 0; j <= i; j++) covariance[i * channels + j] += centred[i] * centred[j] / count;
    }
  }
  for (let i = 0; i < channels; i++) {
    for (let j = i + 1; j < channels; j++) {
      covariance[i * channels + j] = covariance[j * channels + i];
    }
  }
  return { mean, covariance };
}

/** The direction of the largest eigenvalue of a covariance among those at right angles to `before`. */
function nextAxis(
  covariance: Float64Array,
  before: readonly Float64Array[],
  start: Float64Array,
): { axis: Float64Array; variance: number } {
  const size = start.length;
  let axis = unit(apart(start, before)), variance = 0;
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const image = axis.map((_, i) => dot(covariance.subarray(i * size, (i + 1) * size), axis));
    variance = dot(image, axis);
    axis = unit(apart(image, before));
  }
  const largest = axis.reduce((best, value) => Math.abs(value) > Math.abs(best) ? value : best, 0);
  return { axis: largest < 0 ? axis.map((value) => -value) : axis, variance };
}

/** A vector less its parts along unit vectors. */
function apart(vector: Float64Array, axes: readonly Float64Array[]): Float64Array {
  return axes.reduce((rest, axis) => {
    const along = dot(rest, axis);
    return rest.map((value, i) => value - along * axis[i]);
  }, vector);
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return vector.map((value) => value / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
