/**
 * Two frames to the camera's motion between them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { conv2d, type Layer, type Mode } from "../nn/layers.ts";
import type { Scope } from "../nn/parameters.ts";
import { resnet } from "../nn/resnet.ts";
import { type Motion, rotationMatrices } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import { normalise } from "./depth_network.ts";

/**
 * Frames `[B,H,W,3]` with values 0..1, the earlier and the later, to the motion of points from the
 * earlier camera's coordinates to the later one's.
 */
export type PoseNetwork = (earlier: tf.Tensor4D, later: tf.Tensor4D, mode: Mode) => Motion;

/**
 * A ResNet-18 `encoder.*` on the two frames' 6 channels, then `decoder.0` (1x1), `decoder.1` and
 * `decoder.2` (3x3) with ReLU and `decoder.3` (1x1) to axis-angle and translation, averaged over
 * the image and multiplied by `motionScale`.
 */
export function poseNetwork(
  scope: Scope,
  { poseWidth, motionScale }: Pick<DepthConfig, "poseWidth" | "motionScale">,
): PoseNetwork {
  const encode = resnet(scope.child("encoder"), { depth: 18, width: poseWidth, inputChannels: 6 });
  const channels = 4 * poseWidth;
  const layer = (index: number, inputs: number, outputs: number, size: number): Layer =>
    conv2d(scope.child(`decoder.${index}`), {
      inputChannels: inputs,
      outputChannels: outputs,
      kernelSize: size,
    });
  const hidden = [
    layer(0, 8 * poseWidth, channels, 1),
    layer(1, channels, channels, 3),
    layer(2, channels, channels, 3),
  ];
  const last = layer(3, channels, 6, 1);
  return (earlier, later, mode) => {
    let x = encode(normalise(tf.concat([earlier, later], 3)), mode)[4];
    for (const convolution of hidden) x = tf.relu(convolution(x, mode));
    const motion = tf.mul(tf.mean(last(x, mode), [1, 2]), motionScale);
    const [axisAngles, translation] = tf.split<tf.Tensor2D>(motion as tf.Tensor2D, 2, 1);
    return { rotation: rotationMatrices(axisAngles), translation };
  };
}
