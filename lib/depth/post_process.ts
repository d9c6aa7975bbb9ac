/**
 * Two views of one answer.
 *
 * @module
 */

/**
 * Blends inverse depths `[H,W]` of a frame with those of its mirror image, still mirrored. The mean
 * of both, but near the left border only the mirrored and near the right one only the direct
 * answer, each of which sees more there (Godard et al. 2017, section 5, "post-processing"): weights
 * go linearly from one to the other between 5% and 10% of the width.
 */
export function blendMirrored(
  direct: Float32Array,
  mirrored: Float32Array,
  width: number,
): Float32Array {
  const ramp = (x: number) => {
    const fraction = width > 1 ? x / (width - 1) : 0.5;
    return 1 - Math.min(1, Math.max(0, 20 * (fraction - 0.05)));
  };
  return direct.map((value, i) => {
    const x = i % width;
    const back = mirrored[i - x + width - 1 - x];
    const left = ramp(x);
    const right = ramp(width - 1 - x);
    return right * value + left * back + (1 - left - right) * (value + back) / 2;
  });
}
