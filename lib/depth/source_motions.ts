/**
 * Motions from target frames to the frames that they are seen from.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Mode } from "../nn/layers.ts";
import { inverseMotion, type Motion } from "./camera.ts";
import type { PoseNetwork } from "./pose_network.ts";

/** Two source frames `[B,H,W,3]` of each target `[B,H,W,3]`, and how far off they are. */
export interface FrameGroup {
  readonly target: tf.Tensor4D;
  readonly sources: readonly [tf.Tensor4D, tf.Tensor4D];
  /** For each source, one per item: frames from the target to it, below 0 for an earlier one. */
  readonly offsets: readonly [readonly number[], readonly number[]];
}

/**
 * The motions of points from the target's camera to both sources'. The network sees every pair in its
 * order of time, so that a camera that goes ahead is all it has to know; where the source is the
 * earlier one the answer is turned round.
 */
export function sourceMotions(
  pose: PoseNetwork,
  { target, sources, offsets }: FrameGroup,
  mode: Mode,
): [Motion, Motion] {
  const steps = offsets.flat(), batch = target.shape[0];
  const seen = pose.look(tf.concat([target, ...sources], 0), mode);
  // Of each pair, the places in `seen` of the target and of the source; pairs of the first source come first.
  const pairs = steps.map((step, pair) => {
    const [of, other] = [pair % batch, batch + pair];
    return step > 0 ? [of, other] : [other, of];
  });
  const [earlier, later] = [0, 1].map((side) =>
    tf.gather(seen, tf.tensor1d(pairs.map((pair) => pair[side]), "int32"))
  );
  const ahead = pose.motion(earlier, later, steps.map(Math.abs), mode);
  const after = tf.tensor1d(steps.map((step) => step > 0), "bool");
  const like = (rank: number) => tf.reshape(after, [-1, ...Array(rank - 1).fill(1)]);
  const back = inverseMotion(ahead);
  const rotation = tf.where(like(3), ahead.rotation, back.rotation);
  const translation = tf.where(like(2), ahead.translation, back.translation);
  const [firstRotation, secondRotation] = tf.split<tf.Tensor3D>(rotation, 2);
  const [firstTranslation, secondTranslation] = tf.split<tf.Tensor2D>(translation, 2);
  return [
    { rotation: firstRotation, translation: firstTranslation },
    { rotation: secondRotation, translation: secondTranslation },
  ];
}
