/**
 * Two frames to the camera's motion between them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { constant, kaimingUniform } from "../nn/initializers.ts";
import { conv2d, type Mode } from "../nn/layers.ts";
import type { Scope, StateDict } from "../nn/parameters.ts";
import { type Pyramid, resnet } from "../nn/resnet.ts";
import { type Motion, rotationMatrices } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import { normalise } from "./depth_network.ts";

/** What is seen of each frame, and the motion between two of them. */
export interface PoseNetwork {
  /** Of frames `[N,H,W,3]` with values 0..1; what motions are seen in. */
  look(frames: tf.Tensor4D, mode: Mode): tf.Tensor4D;
  /**
   * The motion of points from the earlier camera's coordinates to the later one's, of what was seen of B frames each.
   *
   * @param gaps How many frames lie from one to the other, one per item.
   */
  motion(
    earlier: tf.Tensor4D,
    later: tf.Tensor4D,
    gaps: readonly number[],
    mode: Mode,
  ): Motion;
}

/**
 * The weights of a ResNet that sees one frame, for one that sees two: those of the first convolution, over the
 * input channels of both frames and halved, answer of two equal frames what they did of one.
 */
export function forFramePairs(weights: StateDict): StateDict {
  const first = weights.get("conv1.weight");
  if (!first) return weights;
  const { shape: [outputs = 0, inputs = 0, ...kernel], data } = first;
  const halved = Float32Array.from(data, (weight) => weight / 2), length = data.length / outputs;
  const doubled = new Float32Array(2 * data.length);
  for (let output = 0; output < outputs; output++) {
    const own = halved.subarray(output * length, (output + 1) * length);
    doubled.set(own, 2 * output * length);
    doubled.set(own, (2 * output + 1) * length);
  }
  const shape = [outputs, 2 * inputs, ...kernel];
  return new Map([...weights, ["conv1.weight", { dtype: "F32", shape, data: doubled }]]);
}

/** An encoder that answers maps of single frames, of which the last has so many channels. */
export interface SharedEncoder {
  readonly encode: Pyramid;
  readonly channels: number;
}

/**
 * A ResNet-18 `encoder.*` on the two frames' 6 channels, then `decoder.0` (1x1), `decoder.1` and
 * `decoder.2` (3x3) with ReLU and `decoder.3` (1x1) to axis-angle and translation, averaged over
 * the image, multiplied by `motionScale` and added to a way of `initialForward` a
 * frame ahead.
 *
 * @param shared in place of an encoder of its own (Monodepth2's "shared"): `decoder.0` then is of each frame, and
 * `decoder.1` of both.
 */
export function poseNetwork(
  scope: Scope,
  { poseWidth, motionScale, initialForward }: Pick<
    DepthConfig,
    "poseWidth" | "motionScale" | "initialForward"
  >,
  shared?: SharedEncoder,
): PoseNetwork {
  const own = shared
    ? undefined
    : resnet(scope.child("encoder"), { depth: 18, width: poseWidth, inputChannels: 6 });
  const channels = 4 * poseWidth;
  const layer = (index: number, inputChannels: number, kernelSize: number) => {
    const convolution = conv2d(scope.child(`decoder.${index}`), {
      inputChannels,
      outputChannels: channels,
      kernelSize,
      initial: kaimingUniform,
    });
    return (x: tf.Tensor4D, mode: Mode) => tf.relu(convolution(x, mode));
  };
  const squeeze = layer(0, shared?.channels ?? 8 * poseWidth, 1);
  const hidden = [layer(1, shared ? 2 * channels : channels, 3), layer(2, channels, 3)];
  const last = conv2d(scope.child("decoder.3"), {
    inputChannels: channels,
    outputChannels: 6,
    kernelSize: 1,
    initial: constant(0),
  });
  return {
    look(frames, mode) {
      const input = normalise(frames);
      return shared ? squeeze(shared.encode(input, mode)[4], mode) : input;
    },
    motion(earlier, later, gaps, mode) {
      const both = tf.concat([earlier, later], 3);
      let x = own ? squeeze(own(both, mode)[4], mode) : both;
      for (const convolution of hidden) x = convolution(x, mode);
      const motion = tf.mul(tf.mean(last(x, mode), [1, 2]), motionScale);
      const [axisAngles, change] = tf.split<tf.Tensor2D>(motion as tf.Tensor2D, 2, 1);
      // A camera that moves ahead sees points come nearer.
      const start = tf.tensor2d(gaps.map((gap) => [0, 0, -initialForward * gap]));
      const translation = tf.add(change, start) as tf.Tensor2D;
      return { rotation: rotationMatrices(axisAngles), translation };
    },
  };
}
