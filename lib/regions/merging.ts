/**
 * Merging of small regions into what is nearest to them in 3-D.
 *
 * @module
 */

import type { Components } from "./connected_components.ts";
import { leaderOf } from "./numbering.ts";

/** Which small regions stay; see RegionConfig's keepJump. */
export interface Keep {
  /** Least |log z - log z'| towards every neighbour; null keeps none. */
  readonly jump: number | null;
  /** Least number of pixels. */
  readonly area: number;
}

/** How much of its jumps must lead one way for a region to stand out; a rung of a slope has none. */
const ONE_WAY = 0.3;

/** Logarithms are multiples of 1 / LOG_STEPS: sums of them are exact, whatever their order. */
const LOG_STEPS = 2 ** 17;

/**
 * `[H,W]` natural logarithms of the depths of `[H,W,3]` points, to 2^-17. Written out, so that the
 * library has the same bits: z = 2^e m with m within sqrt(1/2)..sqrt(2), log m = 2 artanh((m - 1) / (m + 1)).
 */
export function logDepths(points: Float32Array): Float32Array {
  const logs = new Float32Array(points.length / 3);
  const float = new Float32Array(1), bits = new Int32Array(float.buffer);
  for (let i = 0; i < logs.length; i++) {
    float[0] = points[3 * i + 2];
    const exponent = (bits[0] - 0x3F3504F3) >> 23;
    bits[0] -= exponent << 23;
    const s = (float[0] - 1) / (float[0] + 1), q = s * s;
    const series = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11)))));
    logs[i] = Math.floor((exponent * Math.LN2 + 2 * s * series) * LOG_STEPS + 0.5) / LOG_STEPS;
  }
  return logs;
}

/**
 * Merges every region of fewer than `minArea` pixels, smallest first, into the neighbour whose border
 * with it has the smallest gap |log z - log z'|; borders between different kinds cost 1 more. What
 * stands out from all its neighbours may stay. Labels come out in raster order.
 *
 * @param logDepth `[H,W]` logarithm of depth, see {@linkcode logDepths}.
 * @param kinds `[H,W]` what each pixel is (sky, ground, object).
 */
export function mergeSmall(
  { labels, count }: Components,
  logDepth: Float32Array,
  kinds: Uint8Array,
  height: number,
  width: number,
  minArea: number,
  keep: Keep,
): Components {
  const leader = Int32Array.from({ length: count }, (_, i) => i);
  const find = (i: number) => leaderOf(leader, i);
  const area = new Int32Array(count);
  for (const label of labels) area[label]++;
  const borders = bordersOf(labels, count, logDepth, kinds, height, width);
  const order = Array.from({ length: count }, (_, i) => i).filter((i) => area[i] < minArea);
  order.sort((a, b) => area[a] - area[b]);
  for (const small of order) {
    const own = find(small);
    if (area[own] >= minArea) continue;
    let best = -1, least = Infinity;
    for (const [other, { gap, length }] of borders[own]) {
      const target = find(other);
      if (target === own) continue;
      const cost = gap / length;
      if (cost < least || (cost === least && target < best)) [best, least] = [target, cost];
    }
    if (best < 0) continue;
    if (keep.jump !== null && least > keep.jump && area[own] >= keep.area) {
      const outer = [...borders[own]].filter(([other]) => find(other) !== own);
      if (standsOut(outer.map(([, border]) => border.rise))) continue;
    }
    leader[own] = best;
    area[best] += area[own];
    for (const [other, { gap, rise, length }] of borders[own]) {
      const target = find(other);
      if (target !== best) addBorder(borders[best], target, gap, rise, length);
    }
  }
  return renumber(labels, count, find);
}

interface Border {
  gap: number;
  /** Sum of log z' - log z: above 0 where the neighbour is farther. */
  rise: number;
  length: number;
}

/** Whether a region lies mostly before, or mostly behind, what is around it. */
function standsOut(rises: readonly number[]): boolean {
  const sum = rises.reduce((total, rise) => total + rise, 0);
  return Math.abs(sum) > ONE_WAY * rises.reduce((total, rise) => total + Math.abs(rise), 0);
}

/** For each region, its neighbours with the sum of gaps over their shared border. */
function bordersOf(
  labels: Int32Array,
  count: number,
  logDepth: Float32Array,
  kinds: Uint8Array,
  height: number,
  width: number,
): Map<number, Border>[] {
  const borders = Array.from({ length: count }, () => new Map<number, Border>());
  const touch = (a: number, b: number) => {
    if (labels[a] === labels[b]) return;
    const rise = logDepth[b] - logDepth[a];
    const gap = Math.abs(rise) + Number(kinds[a] !== kinds[b]);
    addBorder(borders[labels[a]], labels[b], gap, rise, 1);
    addBorder(borders[labels[b]], labels[a], gap, -rise, 1);
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x > 0) touch(i - 1, i);
      if (y > 0) touch(i - width, i);
    }
  }
  return borders;
}

function addBorder(
  borders: Map<number, Border>,
  other: number,
  gap: number,
  rise: number,
  length: number,
): void {
  const border = borders.get(other);
  if (!border) {
    borders.set(other, { gap, rise, length });
    return;
  }
  border.gap += gap;
  border.rise += rise;
  border.length += length;
}

function renumber(labels: Int32Array, count: number, find: (i: number) => number): Components {
  const renamed = new Int32Array(count).fill(-1);
  let kept = 0;
  const result = labels.map((label) => {
    const own = find(label);
    if (renamed[own] < 0) renamed[own] = kept++;
    return renamed[own];
  });
  return { labels: result, count: kept };
}
