/**
 * The ground, fitted to depth alone: no camera height and no pitch need to be known.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { Surface } from "./geometry.ts";

/** A plane n.p = 1 scaled so that the camera is at height 1: height of p above it is 1 - n.p. */
export interface GroundPlane {
  readonly normal: readonly [number, number, number];
  /** Camera height in the depth map's unit. */
  readonly cameraHeight: number;
  /** Share of the candidates that lie on it. */
  readonly support: number;
}

/**
 * Points this near to a plane, as a share of their depth, support it. Loose ones take noisy depth, but
 * road and pavement together too, for a plane in between that tilts; the tightest that enough points
 * still support is taken.
 */
const TOLERANCES = [0.015, 0.004, 0.001, 0.00025];
/** The share of the loosest plane's supporters that a tighter one must keep. */
const KEPT = 0.4;
/** A tighter plane's camera height differs by at most this share: a kerb's height, not another plane. */
const SHIFT = 0.2;
/** The plane's normal points down within this cosine: a camera pitches and rolls little. */
const UPRIGHT = 0.9;
const MOST_CANDIDATES = 2000;

/**
 * RANSAC over pixels of the lower half whose surface faces up, then least squares on the supporters.
 * Undefined when too little of the image faces up.
 */
export function fitGroundPlane(
  surface: Surface,
  trials: number,
  random: Random,
): GroundPlane | undefined {
  const candidates = upwardPixels(surface);
  if (candidates.length < 20) return undefined;
  const points = gather(surface.points, candidates), rays = raysOf(points);
  const best: (number[] | undefined)[] = TOLERANCES.map(() => undefined);
  const most = TOLERANCES.map(() => 0);
  for (let k = 0; k < trials; k++) {
    const plane = planeThrough(surface.points, [0, 1, 2].map(() => random.pick(candidates)));
    if (!plane || !isUpright(plane)) continue;
    countSupport(rays, plane).forEach((support, level) => {
      if (support > most[level]) [best[level], most[level]] = [plane, support];
    });
  }
  if (!best[0]) return undefined;
  const level = most.findLastIndex((support, k) =>
    support >= KEPT * most[0] && isNear(best[k]!, best[0]!)
  );
  let plane = best[level]!;
  for (let k = 0; k < 3; k++) plane = refine(points, plane, TOLERANCES[level]) ?? plane;
  return {
    normal: plane as [number, number, number],
    cameraHeight: 1 / lengthOf(plane),
    support: countSupport(rays, plane)[level] / candidates.length,
  };
}

/** Height of pixel i above the plane, in camera heights. */
export function heightAbove(plane: GroundPlane, points: Float32Array, i: number): number {
  const [a, b, c] = plane.normal;
  return 1 - (a * points[3 * i] + b * points[3 * i + 1] + c * points[3 * i + 2]);
}

function upwardPixels({ height, width, points, normals }: Surface): number[] {
  const found: number[] = [];
  for (let i = Math.floor(height * 0.5) * width; i < height * width; i++) {
    if (normals[3 * i + 1] < -0.8 && points[3 * i + 1] > 0) found.push(i);
  }
  const stride = Math.ceil(found.length / MOST_CANDIDATES);
  return stride <= 1 ? found : found.filter((_, k) => k % stride === 0);
}

function lengthOf([a, b, c]: readonly number[]): number {
  return Math.sqrt(a * a + b * b + c * c);
}

function isUpright(plane: readonly number[]): boolean {
  return plane[1] > UPRIGHT * lengthOf(plane);
}

function isNear(plane: readonly number[], other: readonly number[]): boolean {
  return Math.abs(lengthOf(other) / lengthOf(plane) - 1) < SHIFT;
}

/** n with n.p = 1 for three points; undefined when they lie on a line with each other or the camera. */
function planeThrough(points: Float32Array, [i, j, k]: number[]): number[] | undefined {
  const rows = [i, j, k].map((at) => [points[3 * at], points[3 * at + 1], points[3 * at + 2]]);
  return solve3(rows, [1, 1, 1]);
}

/** `[N,3]` the candidates' points, close together in memory. */
function gather(points: Float32Array, candidates: readonly number[]): Float64Array {
  const found = new Float64Array(3 * candidates.length);
  candidates.forEach((i, k) => found.set(points.subarray(3 * i, 3 * i + 3), 3 * k));
  return found;
}

/** `[N,3]` the points divided by their depth, and its inverse: x / z, y / z, 1 / z. */
function raysOf(points: Float64Array): Float64Array {
  const rays = new Float64Array(points.length);
  for (let k = 0; k < points.length; k += 3) {
    const z = points[k + 2];
    rays.set([points[k] / z, points[k + 1] / z, 1 / z], k);
  }
  return rays;
}

/** Supporters of a plane within each of the tolerances. */
function countSupport(rays: Float64Array, plane: readonly number[]): number[] {
  const [a, b, c] = plane, length = lengthOf(plane);
  const most = TOLERANCES.map((tolerance) => tolerance * length), counts = most.map(() => 0);
  for (let k = 0; k < rays.length; k += 3) {
    // The distance from the plane as a share of the depth, times the length of its normal.
    const away = Math.abs(a * rays[k] + b * rays[k + 1] + c - rays[k + 2]);
    for (let level = 0; level < counts.length && away < most[level]; level++) counts[level]++;
  }
  return counts;
}

/** Least squares of n.p = 1 over the supporters, each weighted by 1 / z^2. */
function refine(
  points: Float64Array,
  plane: readonly number[],
  tolerance: number,
): number[] | undefined {
  const matrix = [[0, 0, 0], [0, 0, 0], [0, 0, 0]], right = [0, 0, 0];
  const [a, b, c] = plane, length = lengthOf(plane);
  for (let k = 0; k < points.length; k += 3) {
    const z = points[k + 2];
    const residual = a * points[k] + b * points[k + 1] + c * z - 1;
    if (Math.abs(residual) >= tolerance * length * z) continue;
    const weight = 1 / (z * z);
    for (let row = 0; row < 3; row++) {
      right[row] += weight * points[k + row];
      for (let column = 0; column < 3; column++) {
        matrix[row][column] += weight * points[k + row] * points[k + column];
      }
    }
  }
  const solution = solve3(matrix, right);
  return solution && isUpright(solution) ? solution : undefined;
}

/** Cramer's rule for a 3 x 3 system; undefined where it is singular. */
function solve3(m: readonly number[][], right: readonly number[]): number[] | undefined {
  const determinant = (a: readonly number[][]) =>
    a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
    a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
    a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  const whole = determinant(m);
  const largest = Math.max(...m.flat().map(Math.abs));
  if (!(Math.abs(whole) > 1e-9 * (largest * largest * largest))) return undefined;
  return [0, 1, 2].map((column) =>
    determinant(m.map((row, r) => row.map((value, c) => c === column ? right[r] : value))) / whole
  );
}
