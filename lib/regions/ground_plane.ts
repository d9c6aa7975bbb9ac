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

/** Points this near to a plane, as a share of their depth, support it. */
const TOLERANCE = 0.015;
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
  let best: number[] | undefined, most = 0;
  for (let k = 0; k < trials; k++) {
    const plane = planeThrough(surface.points, [0, 1, 2].map(() => random.pick(candidates)));
    if (!plane || !isUpright(plane)) continue;
    const support = countSupport(surface.points, candidates, plane);
    if (support > most) [best, most] = [plane, support];
  }
  if (!best) return undefined;
  for (let k = 0; k < 3; k++) best = refine(surface.points, candidates, best) ?? best;
  const length = Math.hypot(...best);
  return {
    normal: best as [number, number, number],
    cameraHeight: 1 / length,
    support: countSupport(surface.points, candidates, best) / candidates.length,
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

function isUpright(plane: readonly number[]): boolean {
  return plane[1] > UPRIGHT * Math.hypot(...plane);
}

/** n with n.p = 1 for three points; undefined when they lie on a line with each other or the camera. */
function planeThrough(points: Float32Array, [i, j, k]: number[]): number[] | undefined {
  const rows = [i, j, k].map((at) => [points[3 * at], points[3 * at + 1], points[3 * at + 2]]);
  return solve3(rows, [1, 1, 1]);
}

function distanceShare(points: Float32Array, i: number, plane: readonly number[]): number {
  const residual = plane[0] * points[3 * i] + plane[1] * points[3 * i + 1] +
    plane[2] * points[3 * i + 2] - 1;
  return Math.abs(residual) / Math.hypot(...plane) / points[3 * i + 2];
}

function countSupport(
  points: Float32Array,
  candidates: readonly number[],
  plane: readonly number[],
): number {
  return candidates.reduce(
    (sum, i) => sum + Number(distanceShare(points, i, plane) < TOLERANCE),
    0,
  );
}

/** Least squares of n.p = 1 over the supporters, each weighted by 1 / z^2. */
function refine(points: Float32Array, candidates: readonly number[], plane: readonly number[]) {
  const matrix = [[0, 0, 0], [0, 0, 0], [0, 0, 0]], right = [0, 0, 0];
  for (const i of candidates) {
    if (distanceShare(points, i, plane) >= TOLERANCE) continue;
    const weight = 1 / points[3 * i + 2] ** 2;
    for (let r = 0; r < 3; r++) {
      right[r] += weight * points[3 * i + r];
      for (let c = 0; c < 3; c++) matrix[r][c] += weight * points[3 * i + r] * points[3 * i + c];
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
  const scale = Math.max(...m.flat().map(Math.abs)) ** 3;
  if (!(Math.abs(whole) > 1e-9 * scale)) return undefined;
  return [0, 1, 2].map((column) =>
    determinant(m.map((row, r) => row.map((value, c) => c === column ? right[r] : value))) / whole
  );
}
