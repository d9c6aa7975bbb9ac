/**
 * The loss by which depth and motion are learnt from video alone.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { photometricError } from "../ops/photometric_error.ts";
import { resizeBilinear } from "../ops/resize.ts";
import { shrinkImage } from "../ops/shrink_image.ts";
import type { Random } from "../random.ts";
import type { CamerasAt, Motion } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import { leastReprojection, type Reprojection } from "./reprojection.ts";
import { edgeAwareSmoothness } from "./smoothness.ts";
import { synthesizeView } from "./view_synthesis.ts";

/** Frames `[B,H,W,3]` with values 0..1, and their cameras. */
export interface Triplet {
  readonly target: tf.Tensor4D;
  readonly sources: readonly [tf.Tensor4D, tf.Tensor4D];
  readonly cameras: CamerasAt;
}

/** The loss and its parts, all scalars. */
export interface DepthLoss {
  /** photometric + smoothness. */
  readonly loss: tf.Scalar;
  readonly photometric: tf.Scalar;
  /** With its weight. */
  readonly smoothness: tf.Scalar;
  /** Share of pixels that auto-masking leaves at full size. */
  readonly moving: tf.Scalar;
}

/**
 * The network's disparities 0..1 as inverse depths, 1 / maxDepth to 1 / minDepth: affine in
 * disparity (Godard et al. 2019, section 3.3).
 */
export function inverseDepth(
  disparity: tf.Tensor4D,
  { minDepth, maxDepth }: Pick<DepthConfig, "minDepth" | "maxDepth">,
): tf.Tensor4D {
  const [low, high] = [1 / maxDepth, 1 / minDepth];
  return tf.add(tf.mul(disparity, high - low), low);
}

/**
 * Photometric loss of every scale plus smoothness at each scale's own size, averaged over scales
 * (Godard et al. 2019, sections 3.1 to 3.3).
 *
 * @param disparities The network's, finest first.
 * @param motions From the target's camera to those of both sources.
 * @param random Breaks ties between moved and unmoved sources, which at rest are everywhere.
 */
export function depthLoss(
  triplet: Triplet,
  disparities: readonly tf.Tensor4D[],
  motions: readonly [Motion, Motion],
  config: DepthConfig,
  random: Random,
): DepthLoss {
  const scales = disparities.length;
  const parts = Array.from({ length: comparedSizes(config, scales) }, (_, level) => {
    const compared = comparedAt(level, disparities, config);
    return reprojection(shrink(triplet, 2 ** level), compared, motions, config, random);
  });
  const photometric = tf.div(tf.addN(parts.map(({ loss }) => loss)), parts.length) as tf.Scalar;
  const smoothness = tf.addN(
    disparities.map((disparity, scale) => {
      const target = shrinkImage(triplet.target, 2 ** scale);
      const weight = config.smoothness / 2 ** scale / scales;
      return tf.mul(edgeAwareSmoothness(disparity, target, config.edgeSharpness), weight);
    }),
  ) as tf.Scalar;
  const loss: tf.Scalar = tf.add(photometric, smoothness);
  return { loss, photometric, smoothness, moving: parts[0].moving };
}

/** At how many sizes, 1, 1/2, 1/4, ... of the frames', disparities are compared. */
function comparedSizes({ lossSize, pyramidLevels }: DepthConfig, scales: number): number {
  if (lossSize === "full") return 1;
  return lossSize === "own" ? scales : pyramidLevels;
}

/** The disparities that are compared at 1 / 2^level of the frames' size. */
function comparedAt(
  level: number,
  disparities: readonly tf.Tensor4D[],
  { lossSize }: DepthConfig,
): readonly tf.Tensor4D[] {
  if (lossSize === "full") return disparities;
  if (lossSize === "own") return [disparities[level]];
  return disparities.slice(0, level + 1)
    .map((map, scale) => shrinkImage(map, 2 ** (level - scale)));
}

/** The triplet at 1 / factor of its size. */
function shrink(triplet: Triplet, factor: number): Triplet {
  const small = (x: tf.Tensor4D) => shrinkImage(x, factor);
  const { target, sources: [first, second], cameras } = triplet;
  return { target: small(target), sources: [small(first), small(second)], cameras };
}

/** Photometric loss of disparities of any size at the triplet's size. */
function reprojection(
  triplet: Triplet,
  disparities: readonly tf.Tensor4D[],
  motions: readonly [Motion, Motion],
  config: DepthConfig,
  random: Random,
): Reprojection {
  const { target } = triplet;
  const [batch, height, width] = target.shape;
  const views = synthesizeViews(triplet, disparities, motions, config);
  const errors = photometricError(views, target, config.ssimWeight);
  return leastReprojection(
    tf.reshape(errors, [2, disparities.length, batch, height, width]),
    config.autoMask ? unmovedError(triplet, config, random) : undefined,
    config.reprojection,
  );
}

/** Least photometric error over both sources, mean over pixels: of the moved ones, and of them as they are. */
export interface ViewErrors {
  readonly moved: tf.Scalar;
  readonly unmoved: tf.Scalar;
}

/** What is left unexplained at full size, without masking: no loss, but a measure for frames held out. */
export function viewErrors(
  triplet: Triplet,
  disparity: tf.Tensor4D,
  motions: readonly [Motion, Motion],
  config: Pick<DepthConfig, "minDepth" | "maxDepth" | "ssimWeight">,
): ViewErrors {
  const least = (views: tf.Tensor4D): tf.Scalar =>
    tf.mean(tf.min(photometricError(views, triplet.target, config.ssimWeight), 0));
  return {
    moved: least(synthesizeViews(triplet, [disparity], motions, config)),
    unmoved: least(tf.concat([...triplet.sources], 0)),
  };
}

/** `[2*S*B,H,W,3]`: the target from both sources at every scale, sources outermost. */
function synthesizeViews(
  { target, sources, cameras }: Triplet,
  disparities: readonly tf.Tensor4D[],
  motions: readonly [Motion, Motion],
  config: Pick<DepthConfig, "minDepth" | "maxDepth">,
): tf.Tensor4D {
  const [, height, width] = target.shape;
  const scales = disparities.length;
  const full = tf.concat(disparities.map((d) => resizeBilinear(d, height, width)), 0);
  const near = inverseDepth(full, config);
  /** Per batch item, for each scale of both sources. */
  const each = <T extends tf.Tensor>(perSource: [T, T]): T =>
    tf.concat(perSource.flatMap((x) => Array<T>(scales).fill(x)), 0);
  const { matrix, inverse } = cameras(height, width);
  const [toFirst, toSecond] = motions;
  const motion = {
    rotation: each([toFirst.rotation, toSecond.rotation]),
    translation: each([toFirst.translation, toSecond.translation]),
  };
  return synthesizeView(
    each([...sources]),
    tf.concat([near, near], 0),
    motion,
    each([matrix, matrix]),
    each([inverse, inverse]),
  );
}

/** `[2,B,H,W]`: the error of each source as it is, plus noise far below any visible difference. */
function unmovedError(
  { target, sources }: Triplet,
  { ssimWeight }: DepthConfig,
  random: Random,
): tf.Tensor4D {
  const error = photometricError(tf.concat([...sources], 0), target, ssimWeight);
  const noise = new Float32Array(error.size);
  for (let i = 0; i < noise.length; i++) noise[i] = random.uniform(0, 1e-5);
  return tf.add(error, tf.tensor4d(noise, error.shape));
}
