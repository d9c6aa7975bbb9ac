/**
 * The two levels of a street's ground: the road, and what a kerb raises above it.
 *
 * @module
 */

/** Two levels, as heights above the ground plane in camera heights. */
export interface GroundLevels {
  readonly lower: number;
  readonly upper: number;
}

const BINS = 256;
/** Heights are summed in whole parts of this size, so that no order of summation changes a sum. */
const PART = 2 ** -30;
/** The share of the variance of heights that the split must explain; of even noise it explains 0.75. */
const CLEAR = 0.9;
/** Each level holds at least this share of the ground. */
const LEAST_SHARE = 0.005;

/**
 * Splits heights in two where that explains the most of their variance (Otsu 1979). Undefined where
 * it explains too little, as it does for noisy depth or a road without kerbs, and where the levels
 * are less than `least` apart.
 *
 * @param heights Heights of pixels that lie level on the ground, all within (-most, most).
 */
export function groundLevels(
  heights: Float32Array,
  most: number,
  least: number,
): GroundLevels | undefined {
  const counts = new Float64Array(BINS), sums = new Float64Array(BINS);
  let total = 0, squares = 0;
  for (const height of heights) {
    const bin = Math.min(BINS - 1, Math.floor((height + most) / (2 * most) * BINS));
    const parts = Math.trunc(height / PART);
    counts[bin]++;
    sums[bin] += parts;
    total += parts;
    squares += Math.trunc(height * height / PART);
  }
  total *= PART;
  const spread = squares * PART - total * total / heights.length;
  let best: GroundLevels | undefined, explained = CLEAR * spread, below = 0, sum = 0;
  for (let bin = 0; bin < BINS - 1; bin++) {
    below += counts[bin];
    sum += sums[bin] * PART;
    const above = heights.length - below;
    if (Math.min(below, above) < Math.max(1, LEAST_SHARE * heights.length)) continue;
    const lower = sum / below, upper = (total - sum) / above, step = upper - lower;
    const between = below * above / heights.length * (step * step);
    if (between > explained && step >= least) {
      [best, explained] = [{ lower, upper }, between];
    }
  }
  return best;
}
