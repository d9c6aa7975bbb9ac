/**
 * What direct alignment makes of the pose network's motions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { alignMotions } from "./alignment.ts";
import type { Motion } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import type { Triplet } from "./depth_loss.ts";

/** Motions from the target to both sources, and what the network is off by. */
export interface RefinedMotions {
  /** Constant to gradients. */
  readonly motions: [Motion, Motion];
  /**
   * Mean |difference| of the network's rotations and of its translations from the refined ones: what
   * the network learns by.
   */
  readonly loss: tf.Scalar;
}

/**
 * Aligns both sources of a triplet with its target, from the network's motions on, so that views are
 * made with motions that are right for the present depth from the first steps on (after Wang et al.
 * 2018, who solve for the motion by direct visual odometry too).
 *
 * @param near `[B,H,W,1]` inverse depths of the target.
 */
export function refineMotions(
  { target, sources, cameras }: Triplet,
  near: tf.Tensor4D,
  motions: readonly [Motion, Motion],
  { alignment }: Pick<DepthConfig, "alignment">,
): RefinedMotions {
  const initial = {
    rotation: tf.concat(motions.map(({ rotation }) => rotation), 0),
    translation: tf.concat(motions.map(({ translation }) => translation), 0),
  };
  const pairs = {
    target: tf.concat([target, target], 0),
    source: tf.concat([...sources], 0),
    disparity: tf.concat([near, near], 0),
    cameras: (height: number, width: number) => {
      const { matrix, inverse } = cameras(height, width);
      return { matrix: tf.tile(matrix, [2, 1, 1]), inverse: tf.tile(inverse, [2, 1, 1]) };
    },
  };
  const refined = alignMotions(pairs, initial, alignment);
  const distance = (a: tf.Tensor, b: tf.Tensor) => tf.mean(tf.abs(tf.sub(a, b)));
  const loss: tf.Scalar = tf.add(
    distance(initial.rotation, refined.rotation),
    distance(initial.translation, refined.translation),
  );
  const [firstRotation, secondRotation] = tf.split<tf.Tensor3D>(refined.rotation, 2);
  const [firstTranslation, secondTranslation] = tf.split<tf.Tensor2D>(refined.translation, 2);
  return {
    motions: [
      { rotation: firstRotation, translation: firstTranslation },
      { rotation: secondRotation, translation: secondTranslation },
    ],
    loss,
  };
}
