/**
 * Principal component analysis of many short vectors.
 *
 * @module
 */

import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** What {@linkcode principalAxes} answers. */
export interface PrincipalAxes {
  /** `[channels]` mean of the rows. */
  readonly mean: Float64Array;
  /** Orthonormal `[channels]` axes, that of the largest variance first; zeros where there is none left. */
  readonly axes: readonly Float64Array[];
  /** Standard deviation of the rows along each axis. */
  readonly deviations: readonly number[];
}

/** A variance below this share of the largest one is rounding. */
const NOTHING = 1e-12;

/**
 * The axes of largest variance of `[n,channels]` rows. The sign of an axis is the one that makes its largest
 * component positive.
 */
export function principalAxes(
  rows: ArrayLike<number>,
  channels: number,
  count: number,
): PrincipalAxes {
  const { mean, covariance } = covarianceOf(rows, channels);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    Matrix.from1DArray(channels, channels, covariance),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i)
    .sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const axes: Float64Array[] = [], deviations: number[] = [];
  for (let k = 0; k < count; k++) {
    const variance = realEigenvalues[order[k]] ?? 0;
    const holds = variance > NOTHING * realEigenvalues[order[0]];
    axes.push(
      holds ? turned(eigenvectorMatrix.getColumn(order[k])) : new Float64Array(channels),
    );
    deviations.push(holds ? Math.sqrt(variance) : 0);
  }
  return { mean, axes, deviations };
}

/** The vector or its opposite: the one whose largest component is positive. */
function turned(axis: readonly number[]): Float64Array {
  const largest = axis.reduce((best, value) => Math.abs(value) > Math.abs(best) ? value : best, 0);
  return Float64Array.from(axis, (value) => largest < 0 ? -value : value);
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
