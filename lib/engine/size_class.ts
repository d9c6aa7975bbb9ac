/**
 * Sizes of the blocks that the engines' pools lend.
 *
 * @module
 */

/**
 * The smallest block that holds so many bytes: k/8 of a power of two, k = 9..16, so that at most a ninth of it is
 * idle, and maps of 3 x 2^n by 3 x 2^m numbers fill theirs.
 */
export function sizeClass(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(bytes)), step = power / 16;
  return Math.ceil(bytes / step) * step;
}
