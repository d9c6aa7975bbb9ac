/**
 * Two frames to the camera's motion between them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { constant, kaimingUniform } from "../nn/initializers.ts";
import { conv2d, type Mode } from "../nn/layers.ts";
import type { Scope } from "../nn/parameters.ts";
import { resnet } from "../nn/resnet.ts";
import { type Motion, rotationMatrices } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import { normalise } from "./depth_network.ts";

/**
 * Frames `[B,H,W,3]` with values 0..1, the earlier and the later, to the motion of points from the
 * earlier camera's coordinates to the later one's. `gaps` says how many frames lie from one to the
 * other, one per item.
 */
export type PoseNetwork = (
  earlier: tf.Tensor4D,
  later: tf.Tensor4D,
  gaps: readonly number[],
  mode: Mode,
) => Motion;

/**
 * A ResNet-18 `encoder.*` on the two frames' 6 channels, then `decoder.0` (1x1), `decoder.1` and
 * `decoder.2` (3x3) with ReLU and `decoder.3` (1x1) to axis-angle and translation, averaged over
 * the image, multiplied by `motionScale` and added to a way of `initialForward` a
 * frame ahead.
 */
export function poseNetwork(
  scope: Scope,
  { poseWidth, motionScale, initialForward }: Pick<
    DepthConfig,
    "poseWidth" | "motionScale" | "initialForward"
  >,
): PoseNetwork {
  const encode = resnet(scope.child("encoder"), { depth: 18, width: poseWidth, inputChannels: 6 });
  const channels = 4 * poseWidth;
  const hidden = [[8 * poseWidth, 1], [channels, 3], [channels, 3]].map(([inputs, size], index) =>
    conv2d(scope.child(`decoder.${index}`), {
      inputChannels: inputs,
      outputChannels: channels,
      kernelSize: size,
      initial: kaimingUniform,
    })
  );
  const last = conv2d(scope.child("decoder.3"), {
    inputChannels: channels,
    outputChannels: 6,
    kernelSize: 1,
    initial: constant(0),
  });
  return (earlier, later, gaps, mode) => {
    let x = encode(normalise(tf.concat([earlier, later], 3)), mode)[4];
    for (const convolution of hidden) x = tf.relu(convolution(x, mode));
    const motion = tf.mul(tf.mean(last(x, mode), [1, 2]), motionScale);
    const [axisAngles, change] = tf.split<tf.Tensor2D>(motion as tf.Tensor2D, 2, 1);
    // A camera that moves ahead sees points come nearer.
    const start = tf.tensor2d(gaps.map((gap) => [0, 0, -initialForward * gap]));
    const translation = tf.add(change, start) as tf.Tensor2D;
    return { rotation: rotationMatrices(axisAngles), translation };
  };
}
