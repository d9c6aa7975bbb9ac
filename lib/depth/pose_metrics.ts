/**
 * How good estimated camera motion is.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** A rigid motion of points, X' = R X + t. */
export interface RigidMotion {
  /** 3x3, row-major. */
  readonly rotation: ArrayLike<number>;
  /** In the unit of depth. */
  readonly translation: ArrayLike<number>;
}

/** Errors of the motions from one frame to two others. */
export interface PoseScore {
  /**
   * Absolute trajectory error of the three cameras, metres, as in SfMLearner and Monodepth2: with positions p and
   * g relative to the target's and s = sum p.g / sum p.p, the root of sum |s p - g|^2, over 3.
   */
  readonly ate: number;
  /** Mean angle between rotations, degrees. */
  readonly rotation: number;
  /** Mean angle between directions of translation, degrees; NaN where the camera stands. */
  readonly direction: number;
}

/**
 * The motion of points from one camera's coordinates to another's.
 *
 * @param from Camera-to-world, 4x4 row-major, as {@linkcode Frame.pose}.
 * @param to Likewise.
 */
export function relativeMotion(from: ArrayLike<number>, to: ArrayLike<number>): RigidMotion {
  const rotation: number[] = [], translation: number[] = [];
  for (let i = 0; i < 3; i++) {
    // A rotation's inverse is its transpose: column i of `to` against column j of `from`.
    const against = (column: number) =>
      [0, 1, 2].reduce((sum, k) => sum + to[4 * k + i] * from[4 * k + column], 0);
    rotation.push(against(0), against(1), against(2));
    translation.push(
      [0, 1, 2].reduce((sum, k) => sum + to[4 * k + i] * (from[4 * k + 3] - to[4 * k + 3]), 0),
    );
  }
  return { rotation, translation };
}

/** Metres below which a camera counts as standing: no direction is asked of it. */
const STANDING = 0.01;

/**
 * Scores the motions from a target to its two sources.
 *
 * @example
 * ```ts
 * import { poseMetrics, type RigidMotion } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const unturned = [1, 0, 0, 0, 1, 0, 0, 0, 1];
 * const ahead = (metres: number): RigidMotion => ({ rotation: unturned, translation: [0, 0, -metres] });
 * const score = poseMetrics([ahead(-0.5), ahead(0.5)], [ahead(-2), ahead(2)]);
 * assertEquals(score, { ate: 0, rotation: 0, direction: 0 });
 * ```
 *
 * @throws {DataError} when there is no motion, there are not as many of both, or one is no rotation of 9 numbers with a
 * translation of 3.
 */
export function poseMetrics(
  predicted: readonly RigidMotion[],
  truth: readonly RigidMotion[],
): PoseScore {
  if (predicted.length === 0 || predicted.length !== truth.length) {
    throw new DataError(
      `Cannot score motions: expected as many as truth has, at least one, got ${predicted.length} for ${truth.length}`,
    );
  }
  for (const { rotation, translation } of [...predicted, ...truth]) {
    if (rotation.length === 9 && translation.length === 3) continue;
    throw new DataError(
      "Cannot score motions: expected rotations of 9 numbers and translations of 3, got " +
        `${rotation.length} and ${translation.length}`,
    );
  }
  const ours = predicted.map(position), real = truth.map(position);
  const [along, own] = ours.reduce(
    ([along, own], p, k) => [along + dot(p, real[k]), own + dot(p, p)],
    [0, 0],
  );
  const scale = own > 0 ? along / own : 0;
  const square = ours.reduce(
    (sum, p, k) => sum + p.reduce((s, x, i) => s + (scale * x - real[k][i]) ** 2, 0),
    0,
  );
  const turns = predicted.map((motion, k) => angleBetween(motion.rotation, truth[k].rotation));
  const directions = ours.flatMap((p, k) =>
    length(real[k]) < STANDING ? [] : [degrees(Math.acos(cosine(p, real[k])))]
  );
  return { ate: Math.sqrt(square) / 3, rotation: mean(turns), direction: mean(directions) };
}

/** Scores of several triplets, averaged; directions over those that have one. */
export function meanPoseScore(scores: readonly PoseScore[]): PoseScore {
  return {
    ate: mean(scores.map(({ ate }) => ate)),
    rotation: mean(scores.map(({ rotation }) => rotation)),
    direction: mean(scores.map(({ direction }) => direction).filter((d) => !Number.isNaN(d))),
  };
}

/** Where the camera is that points move to, in the coordinates that they come from: -R^T t. */
function position({ rotation: r, translation: t }: RigidMotion): number[] {
  return [0, 1, 2].map((i) => -(r[i] * t[0] + r[3 + i] * t[1] + r[6 + i] * t[2]));
}

/** Degrees that take one rotation to the other. */
function angleBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let trace = 0;
  for (let i = 0; i < 9; i++) trace += a[i] * b[i];
  return degrees(Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2))));
}

function cosine(a: readonly number[], b: readonly number[]): number {
  return Math.min(1, Math.max(-1, dot(a, b) / (length(a) * length(b) || 1)));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

function length(a: readonly number[]): number {
  return Math.sqrt(dot(a, a));
}

function degrees(radians: number): number {
  return radians * 180 / Math.PI;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? NaN : values.reduce((sum, x) => sum + x, 0) / values.length;
}
