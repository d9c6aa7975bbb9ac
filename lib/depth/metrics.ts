/**
 * How good estimated depth is, in the terms of Eigen et al. 2014.
 *
 * @module
 */
import { checkArray } from "../checks.ts";
import { DataError } from "../errors.ts";
import type { DepthMap } from "../records.ts";

/** Errors of depth p against truth g, over all pixels whose truth counts. */
export interface DepthScore {
  /** Mean |p - g| / g. */
  readonly absRel: number;
  /** Mean (p - g)^2 / g, metres. */
  readonly sqRel: number;
  /** Root of mean (p - g)^2, metres. */
  readonly rmse: number;
  /** Root of mean (log p - log g)^2. */
  readonly rmseLog: number;
  /** Share of the pixels with max(p / g, g / p) below 1.25, 0..1. */
  readonly a1: number;
  /** The same within a factor of 1.25 squared. */
  readonly a2: number;
  /** The same within a factor of 1.25 cubed. */
  readonly a3: number;
}

/** Settings of {@linkcode depthMetrics}. */
export interface DepthMetricOptions {
  /** Truth nearer than this does not count, and estimates are clamped to it; metres. */
  readonly minDepth: number;
  /** Truth farther than this (sky is infinitely far) does not count; estimates are clamped. */
  readonly maxDepth: number;
  /** Scales estimates by median(truth) / median(estimate), as monocular depth has no unit. */
  readonly medianScaling: boolean;
}

/** The usual cap of 80 m. */
export const defaultDepthMetricOptions: DepthMetricOptions = {
  minDepth: 1e-3,
  maxDepth: 80,
  medianScaling: true,
};

/**
 * Scores one frame.
 *
 * @param truth `[H,W]` metres; 0 is unknown, Infinity is sky.
 * @throws {DataError} when sizes differ or no pixel counts.
 */
export function depthMetrics(
  predicted: DepthMap,
  truth: Float32Array,
  options: DepthMetricOptions = defaultDepthMetricOptions,
): DepthScore {
  const { estimate, actual } = scaledDepths(predicted, truth, options);
  return errors(estimate, actual);
}

/** A frame of which depth and classes are known, and what is said of its depth. */
export interface LabelledDepth {
  /** Up to one unknown scale. */
  readonly predicted: DepthMap;
  /** `[H,W]` metres; 0 is unknown, Infinity is sky. */
  readonly truth: Float32Array;
  /** `[H,W]` class ids; ids of `classes` and above do not count. */
  readonly labels: Uint8Array;
}

/**
 * Mean |p - g| / g by class, over the pixels of all frames, each frame scaled by itself as in {@linkcode depthMetrics};
 * NaN for a class without a pixel that counts.
 *
 * @throws {DataError} when sizes differ or no pixel of a frame counts.
 */
export function absRelPerClass(
  frames: readonly LabelledDepth[],
  classes: number,
  options: DepthMetricOptions = defaultDepthMetricOptions,
): number[] {
  const sums = new Float64Array(classes), counts = new Float64Array(classes);
  for (const { predicted, truth, labels } of frames) {
    const { counted, estimate, actual } = scaledDepths(predicted, truth, options);
    checkArray("score depth", `labels of ${truth.length} pixels`, labels, Uint8Array, truth.length);
    counted.forEach((pixel, i) => {
      const label = labels[pixel];
      if (label >= classes) return;
      sums[label] += Math.abs(estimate[i] - actual[i]) / actual[i];
      counts[label]++;
    });
  }
  return Array.from(sums, (sum, label) => sum / counts[label]);
}

/** Whether a pixel's truth, in metres, counts. */
const isScored = (metres: number, { minDepth, maxDepth }: DepthMetricOptions) =>
  metres > minDepth && metres < maxDepth;

/** Whether there is a pixel to score in `[H,W]` metres. */
export function hasDepth(
  truth: Float32Array,
  options: DepthMetricOptions = defaultDepthMetricOptions,
): boolean {
  return truth.some((metres) => isScored(metres, options));
}

/** The pixels whose truth counts, with estimates in the truth's unit, clamped, and the truth. */
export function scaledDepths(
  { disparity, height, width }: DepthMap,
  truth: Float32Array,
  options: DepthMetricOptions = defaultDepthMetricOptions,
): { counted: number[]; estimate: Float64Array; actual: Float64Array } {
  const { minDepth, maxDepth, medianScaling } = options;
  const task = "score depth", size = `${height} x ${width}`;
  checkArray(task, `truth of ${size}`, truth, Float32Array, height * width);
  checkArray(task, `disparity of ${size}`, disparity, Float32Array, height * width);
  const counted: number[] = [];
  truth.forEach((metres, i) => {
    if (isScored(metres, options)) counted.push(i);
  });
  if (counted.length === 0) {
    throw new DataError(`Cannot score depth: expected truth below ${maxDepth} m, got none`);
  }
  const actual = Float64Array.from(counted, (i) => truth[i]);
  const unscaled = Float64Array.from(counted, (i) => 1 / disparity[i]);
  const scale = medianScaling ? median(actual) / median(unscaled) : 1;
  const estimate = unscaled.map((p) => Math.min(maxDepth, Math.max(minDepth, p * scale)));
  return { counted, estimate, actual };
}

/** Scores of several frames, averaged. */
export function meanDepthScore(scores: readonly DepthScore[]): DepthScore {
  const mean = (pick: (score: DepthScore) => number) =>
    scores.reduce((sum, score) => sum + pick(score), 0) / scores.length;
  return {
    absRel: mean((s) => s.absRel),
    sqRel: mean((s) => s.sqRel),
    rmse: mean((s) => s.rmse),
    rmseLog: mean((s) => s.rmseLog),
    a1: mean((s) => s.a1),
    a2: mean((s) => s.a2),
    a3: mean((s) => s.a3),
  };
}

/**
 * The score of a wall: the same depth everywhere (under median scaling, each frame's median).
 * Estimates that do not clearly beat it have learnt nothing.
 */
export function constantDepthMetrics(
  truth: Float32Array,
  options: DepthMetricOptions = defaultDepthMetricOptions,
): DepthScore {
  const disparity = new Float32Array(truth.length).fill(1);
  return depthMetrics({ height: 1, width: truth.length, disparity }, truth, options);
}

function errors(estimate: Float64Array, truth: Float64Array): DepthScore {
  let [absRel, sqRel, square, squareLog, a1, a2, a3] = [0, 0, 0, 0, 0, 0, 0];
  estimate.forEach((p, i) => {
    const g = truth[i];
    absRel += Math.abs(p - g) / g;
    sqRel += (p - g) ** 2 / g;
    square += (p - g) ** 2;
    squareLog += Math.log(p / g) ** 2;
    const ratio = Math.max(p / g, g / p);
    if (ratio < 1.25) a1++;
    if (ratio < 1.25 ** 2) a2++;
    if (ratio < 1.25 ** 3) a3++;
  });
  const n = estimate.length;
  return {
    absRel: absRel / n,
    sqRel: sqRel / n,
    rmse: Math.sqrt(square / n),
    rmseLog: Math.sqrt(squareLog / n),
    a1: a1 / n,
    a2: a2 / n,
    a3: a3 / n,
  };
}

/** The middle value; the mean of the middle two where the count is even. */
function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
