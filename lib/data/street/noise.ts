/**
 * Value noise, the grain of every surface.
 *
 * @module
 */

/** A hash of two integers and a seed, uniform in [0, 1). */
export function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 374761393) + Math.imul(y, 668265263) + Math.imul(seed, 974634777);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  h = Math.imul(h ^ (h >>> 16), 2246822519);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Smooth noise in [0, 1) of period about 1. */
export function valueNoise(x: number, y: number, seed: number): number {
  const x0 = Math.floor(x), y0 = Math.floor(y);
  let u = x - x0, v = y - y0;
  u = u * u * (3 - 2 * u);
  v = v * v * (3 - 2 * v);
  const top = hash(x0, y0, seed) * (1 - u) + hash(x0 + 1, y0, seed) * u;
  const bottom = hash(x0, y0 + 1, seed) * (1 - u) + hash(x0 + 1, y0 + 1, seed) * u;
  return top * (1 - v) + bottom * v;
}

/**
 * Noise of one period in texture units that fades to its mean where a pixel covers more than half of
 * it, so that far surfaces neither shimmer nor lose their brightness. Answers -0.5..0.5.
 */
export function grain(
  x: number,
  y: number,
  period: number,
  footprint: number,
  seed: number,
): number {
  const fade = 2 - (2 * footprint) / period;
  if (fade <= 0) return 0;
  return (valueNoise(x / period, y / period, seed) - 0.5) * Math.min(1, fade);
}
