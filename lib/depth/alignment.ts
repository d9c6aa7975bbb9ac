/**
 * Direct alignment: the motion between two frames by Gauss-Newton steps on their brightness.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "../ops/fused.ts";
import { gridSample } from "../ops/grid_sample.ts";
import { shrinkImage } from "../ops/shrink_image.ts";
import { type CamerasAt, type Motion, rotationMatrices } from "./camera.ts";
import type { AlignmentLevel } from "./config.ts";
import { sourcePositions } from "./view_synthesis.ts";
import { customGrad } from "../ops/variable_grads.ts";

/** Frames `[B,H,W,3]` with values 0..1, the inverse depth `[B,H,W,1]` of the target, and its cameras. */
export interface AlignmentInput {
  readonly target: tf.Tensor4D;
  readonly source: tf.Tensor4D;
  readonly disparity: tf.Tensor4D;
  readonly cameras: CamerasAt;
}

/**
 * Motions from target to source, improved from coarse to fine, constant to gradients. An item whose
 * error is no lower at the end, or with far fewer pixels to compare, keeps the motion that it came with.
 */
export function alignMotions(
  input: AlignmentInput,
  initial: Motion,
  levels: readonly AlignmentLevel[],
): Motion {
  const batch = input.target.shape[0];
  const { rotation, translation } = initial;
  const align = customGrad((disparity, rotation, translation) => {
    const start = { rotation, translation } as Motion;
    const pairs = levels.map(({ shrink }) => shrinkPair({ ...input, disparity } as never, shrink));
    let motion = start;
    levels.forEach(({ iterations }, i) => {
      motion = alignMotion(pairs[i], motion, iterations);
    });
    // Where alignment goes astray the finest level but one tells as well, at a quarter of the cost.
    const judge = pairs[Math.max(0, pairs.length - 2)];
    const better = isBetter(judge, motion, start);
    const value = tf.where(tf.reshape(better, [batch, 1]), flatMotion(motion), flatMotion(start));
    const gradFunc = () =>
      [disparity, rotation, translation].map((x) => tf.zerosLike(x as tf.Tensor));
    return { value, gradFunc };
  });
  return motionOf(align(input.disparity, rotation, translation) as tf.Tensor2D);
}

/** Of the pixels that fall inside the source at first, the share that a better motion keeps there at least. */
const KEPT_INSIDE = 0.5;

/**
 * `[B]`: whether a motion explains the frames better than another one. Errors are of pixels that fall inside the
 * source alone, so that one which throws most of them out of view tells nothing by a low error.
 */
export function isBetter(pair: FramePair, motion: Motion, start: Motion): tf.Tensor1D {
  return tf.tidy(() => {
    const lower = tf.less(alignmentError(pair, motion), alignmentError(pair, start));
    const least = tf.mul(insideShare(pair, start), KEPT_INSIDE);
    return tf.logicalAnd(lower, tf.greaterEqual(insideShare(pair, motion), least)) as tf.Tensor1D;
  });
}

/** `[B]`: the share of the target's pixels that fall inside the source, 0..1. */
export function insideShare(pair: FramePair, motion: Motion): tf.Tensor1D {
  return tf.tidy(() => {
    const [, height, width] = pair.target.shape;
    const places = sourcePositions(pair.disparity, motion, pair.camera, pair.inverseCamera);
    const nearest = tf.maximum(tf.minimum(places, tf.tensor1d([width - 1, height - 1])), 0);
    const off = tf.sum(tf.abs(tf.sub(places, nearest)), 3);
    return tf.mean(tf.cast(tf.lessEqual(off, 0), "float32"), [1, 2]) as tf.Tensor1D;
  });
}

/** `[B,12]`: rotation, row-major, and translation. */
function flatMotion({ rotation, translation }: Motion): tf.Tensor2D {
  return tf.concat([tf.reshape(rotation, [-1, 9]), translation], 1);
}

function motionOf(flat: tf.Tensor2D): Motion {
  const [turn, shift] = tf.split<tf.Tensor2D>(flat, [9, 3], 1);
  return { rotation: tf.reshape(turn, [-1, 3, 3]), translation: shift };
}

/** A pair at 1 / factor of its size, in shades of grey. */
function shrinkPair(input: AlignmentInput, factor: number): FramePair {
  const small = (x: tf.Tensor4D) => shrinkImage(x, factor);
  const grey = (x: tf.Tensor4D): tf.Tensor4D => tf.mean(small(x), 3, true);
  const disparity = small(input.disparity);
  const [, height, width] = disparity.shape;
  const { matrix: camera, inverse: inverseCamera } = input.cameras(height, width);
  return {
    target: grey(input.target),
    source: grey(input.source),
    disparity,
    camera,
    inverseCamera,
  };
}

/** A pair of frames that motion is sought between. */
export interface FramePair {
  /** `[B,H,W,1]` brightness 0..1. */
  readonly target: tf.Tensor4D;
  readonly source: tf.Tensor4D;
  /** `[B,H,W,1]` inverse depth of the target. */
  readonly disparity: tf.Tensor4D;
  /** `[B,3,3]` K in pixels of this size, and its inverse. */
  readonly camera: tf.Tensor3D;
  readonly inverseCamera: tf.Tensor3D;
}

/** Differences of brightness beyond this count as outliers (Huber). */
const HUBER = 0.04;

/** Added to the diagonal of the normal equations, in units of itself: keeps steps finite on blank images. */
const DAMPING = 1e-3;

/**
 * Improves a motion from target to source: `iterations` Gauss-Newton steps on
 *
 *     sum over pixels of w (source(q(p)) - target(p))^2
 *
 * with Huber's weights w, as direct visual odometry does it (Steinbrücker et al. 2011; within depth
 * learning Wang et al. 2018). Nothing is differentiated through it. An engine that has the kernel
 * `AlignMotion` runs it as one operation; otherwise it is composed.
 */
export function alignMotion(pair: FramePair, initial: Motion, iterations: number): Motion {
  return tf.tidy(() => {
    const fused = useFusedKernel("AlignMotion");
    const motion = fused ? fusedSteps(pair, initial, iterations) : steps(pair, initial, iterations);
    return { ...motion };
  });
}

function fusedSteps(pair: FramePair, initial: Motion, iterations: number): Motion {
  const attributes = { iterations, huber: HUBER, damping: DAMPING };
  return motionOf(runFused("AlignMotion", pair, initial, attributes) as tf.Tensor2D);
}

function steps(pair: FramePair, initial: Motion, iterations: number): Motion {
  const stacked = tf.concat([pair.source, centralDifferences(pair.source)], 3);
  let motion = initial;
  for (let i = 0; i < iterations; i++) motion = gaussNewtonStep(pair, stacked, motion);
  return motion;
}

/** Robust mean difference of brightness `[B]`, Huber's loss over pixels that fall inside the source. */
export function alignmentError(pair: FramePair, motion: Motion): tf.Tensor1D {
  return tf.tidy(() => {
    if (useFusedKernel("AlignmentError")) {
      return runFused("AlignmentError", pair, motion, { huber: HUBER }) as tf.Tensor1D;
    }
    const { residual, inside } = compareBrightness(pair, pair.source, motion);
    const size = tf.abs(residual);
    const loss = tf.where(
      tf.less(size, HUBER),
      tf.mul(tf.square(residual), 0.5),
      tf.mul(tf.sub(size, HUBER / 2), HUBER),
    );
    const count = tf.add(tf.sum(inside, [1, 2]), 1);
    return tf.div(tf.sum(tf.mul(loss, inside), [1, 2]), count) as tf.Tensor1D;
  });
}

function runFused(
  kernel: "AlignMotion" | "AlignmentError",
  { target, source, disparity, camera }: FramePair,
  motion: Motion,
  attributes: Record<string, number>,
): tf.Tensor {
  const inputs = { target, source, disparity, camera, motion: flatMotion(motion) };
  return tf.engine().runKernel(kernel, inputs, attributes) as tf.Tensor;
}

function gaussNewtonStep(pair: FramePair, stacked: tf.Tensor4D, motion: Motion): Motion {
  const { residual, inside, sampled } = compareBrightness(pair, stacked, motion);
  const weight = tf.mul(inside, tf.div(HUBER, tf.maximum(tf.abs(residual), HUBER)));
  const jacobian = brightnessJacobian(pair, sampled, motion);
  const weighted = tf.mul(jacobian, weight);
  const normal = tf.matMul(weighted, jacobian, true) as tf.Tensor3D;
  const right = tf.matMul(weighted, residual, true) as tf.Tensor3D;
  const damped = tf.add(normal, tf.mul(normal, tf.mul(tf.eye(6), DAMPING)));
  const step = tf.neg(solve(tf.add(damped, tf.mul(tf.eye(6), 1e-6)) as tf.Tensor3D, right));
  const [shift, turn] = tf.split(tf.reshape(step, [-1, 6]), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const rotation = rotationMatrices(turn);
  const moved = tf.matMul(rotation, tf.expandDims(motion.translation, 2));
  return {
    rotation: tf.matMul(rotation, motion.rotation),
    translation: tf.add(tf.squeeze(moved, [2]), shift),
  };
}

/** Source minus target at every pixel `[B,HW,1]`, what was sampled `[B,HW,C]`, and 1 where it is inside. */
function compareBrightness(pair: FramePair, source: tf.Tensor4D, motion: Motion) {
  const [batch, height, width] = pair.target.shape;
  const positions = sourcePositions(pair.disparity, motion, pair.camera, pair.inverseCamera);
  const sampled = tf.reshape(
    gridSample(source, positions, { padding: "border" }),
    [batch, height * width, source.shape[3]],
  ) as tf.Tensor3D;
  const [x, y] = tf.split(tf.reshape(positions, [batch, height * width, 2]), 2, 2);
  const within = (v: tf.Tensor, size: number) =>
    tf.logicalAnd(tf.greaterEqual(v, 0), tf.lessEqual(v, size - 1));
  const inside = tf.cast(tf.logicalAnd(within(x, width), within(y, height)), "float32");
  const brightness = tf.slice(sampled, [0, 0, 0], [-1, -1, 1]);
  const target = tf.reshape(pair.target, [batch, height * width, 1]);
  return { residual: tf.sub(brightness, target) as tf.Tensor3D, inside, sampled };
}

/**
 * `[B,HW,6]`: change of brightness with a small shift (3) and turn (3) of the moved point Y. With
 * (x, y) = Y's direction and d / Yz' its inverse depth in the source's camera, a pixel moves by
 *
 *     dqx = fx (d/Yz' [1, 0, -x],  [-xy, 1 + x^2, -y])
 *     dqy = fy (d/Yz' [0, 1, -y],  [-(1 + y^2), xy, x])
 */
function brightnessJacobian(pair: FramePair, sampled: tf.Tensor3D, motion: Motion): tf.Tensor3D {
  const { disparity, camera, inverseCamera } = pair;
  const [batch, height, width] = disparity.shape;
  const positions = sourcePositions(disparity, motion, camera, inverseCamera);
  const rows = tf.reshape(positions, [batch, height * width, 2]);
  const focal = (axis: number) => tf.slice(camera, [0, axis, axis], [-1, 1, 1]);
  const centre = (axis: number) => tf.slice(camera, [0, axis, 2], [-1, 1, 1]);
  const [qx, qy] = tf.split(rows, 2, 2);
  const x = tf.div(tf.sub(qx, centre(0)), focal(0));
  const y = tf.div(tf.sub(qy, centre(1)), focal(1));
  const near = movedDisparity(pair, motion);
  const [, gx, gy] = tf.split(sampled, 3, 2);
  const u = tf.mul(gx, focal(0));
  const v = tf.mul(gy, focal(1));
  const along = tf.add(tf.mul(u, x), tf.mul(v, y));
  return tf.concat([
    tf.mul(u, near),
    tf.mul(v, near),
    tf.neg(tf.mul(along, near)),
    tf.neg(tf.add(tf.mul(along, y), v)),
    tf.add(tf.mul(along, x), u),
    tf.sub(tf.mul(v, x), tf.mul(u, y)),
  ], 2) as tf.Tensor3D;
}

/** `[B,HW,1]`: inverse depth in the source's camera. */
function movedDisparity({ disparity, inverseCamera }: FramePair, motion: Motion): tf.Tensor3D {
  const [batch, height, width] = disparity.shape;
  const turned = tf.matMul(motion.rotation, inverseCamera);
  const row = tf.slice(turned, [0, 2, 0], [-1, 1, -1]);
  const [a, b, c] = tf.split(row, 3, 2);
  const index = tf.range(0, height * width);
  const ys = tf.reshape(tf.floor(tf.div(index, width)), [1, height * width, 1]);
  const xs = tf.sub(tf.reshape(index, [1, height * width, 1]), tf.mul(ys, width));
  const flat = tf.reshape(disparity, [batch, height * width, 1]);
  const shift = tf.reshape(tf.slice(motion.translation, [0, 2], [-1, 1]), [batch, 1, 1]);
  const depth = tf.addN([tf.mul(a, xs), tf.mul(b, ys), tf.mul(c, tf.onesLike(xs))]);
  return tf.div(flat, tf.maximum(tf.add(depth, tf.mul(flat, shift)), 1e-3)) as tf.Tensor3D;
}

/** Half the difference of the neighbours to both sides, in x and y: `[B,H,W,1]` to `[B,H,W,2]`. */
function centralDifferences(image: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = image.shape;
  const along = (axis: 1 | 2) => {
    const padding: [number, number][] = [[0, 0], [0, 0], [0, 0], [0, 0]];
    padding[axis] = [1, 1];
    const padded = tf.mirrorPad(image, padding as never, "symmetric");
    const begin = [0, 0, 0, 0];
    begin[axis] = 2;
    const extent = [-1, height, width, -1];
    return tf.mul(
      0.5,
      tf.sub(tf.slice(padded, begin, extent), tf.slice(padded, [0, 0, 0, 0], extent)),
    );
  };
  return tf.concat([along(2), along(1)], 3) as tf.Tensor4D;
}

/** X of A X = B for matrices A `[B,n,n]` that are positive definite, by Gauss-Jordan elimination. */
function solve(matrices: tf.Tensor3D, right: tf.Tensor3D): tf.Tensor3D {
  const size = matrices.shape[1];
  const unit = tf.unstack(tf.eye(size));
  let rows = tf.concat([matrices, right], 2);
  for (let k = 0; k < size; k++) {
    const row = tf.slice(rows, [0, k, 0], [-1, 1, -1]);
    const pivot = tf.slice(rows, [0, k, k], [-1, 1, 1]);
    const column = tf.slice(rows, [0, 0, k], [-1, -1, 1]);
    const others = tf.sub(column, tf.reshape(unit[k], [1, size, 1]));
    rows = tf.sub(rows, tf.mul(others, tf.div(row, pivot)));
  }
  return tf.slice(rows, [0, 0, size], [-1, -1, right.shape[2]]);
}
