/**
 * Means over seeds with their 95% intervals.
 *
 * @module
 */

/** A mean of n values; `half` is half the width of its 95% interval, NaN below two values. */
export interface Estimate {
  readonly n: number;
  readonly mean: number;
  readonly half: number;
}

/** Two-sided 95% quantiles of Student's t with 1 to 10 degrees of freedom. */
const T95 = [
  12.7062,
  4.30265,
  3.18245,
  2.77645,
  2.57058,
  2.44691,
  2.36462,
  2.306,
  2.26216,
  2.22814,
];

/**
 * Mean +- t s / sqrt(n), with s the deviation of the sample.
 *
 * @throws {RangeError} for more than 11 values.
 */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, half: NaN };
  const t = T95[n - 2];
  if (t === undefined) {
    throw new RangeError(`Cannot estimate from ${n} values: expected at most 11`);
  }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, half: t * Math.sqrt(variance / n) };
}

/** The mean of a - b over the seeds that both have. */
export function pairedDifference(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): Estimate {
  const differences = [...a].flatMap(([seed, value]) => {
    const other = b.get(seed);
    return other === undefined ? [] : [value - other];
  });
  return estimate(differences);
}
