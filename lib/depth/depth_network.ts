/**
 * One frame to disparities.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { kaimingUniform } from "../nn/initializers.ts";
import { conv2d, convNorm, type ConvOptions, type Layer, type Mode } from "../nn/layers.ts";
import type { Scope } from "../nn/parameters.ts";
import { type Pyramid, resnet, resnetChannels } from "../nn/resnet.ts";
import { reflectPad } from "../ops/reflect_pad.ts";
import { double } from "../ops/resize.ts";
import type { DepthConfig, InitialDisparity } from "./config.ts";

/**
 * Images `[B,H,W,3]` with values 0..1 to disparities within 0..1, finest first: `[B,H,W,1]`,
 * `[B,H/2,W/2,1]`, ... as many as asked for. H and W are multiples of 32.
 */
export type DepthNetwork = (images: tf.Tensor4D, mode: Mode, scales: number) => tf.Tensor4D[];

/** Red, green and blue. */
const IMAGE_CHANNELS = 3;

/** The ResNet `encoder.*` of a depth network. */
export function depthEncoder(
  scope: Scope,
  config: Pick<DepthConfig, "depth" | "width">,
): Pyramid {
  return resnet(scope.child("encoder"), { ...config, inputChannels: IMAGE_CHANNELS });
}

/**
 * A ResNet encoder and a U-Net decoder (Godard et al. 2019, table in section 6.1): from
 * the coarsest level on, a 3x3 convolution `decoder.up.i.0`, doubling, the encoder's map of that
 * size, another 3x3 convolution `decoder.up.i.1`, and at the finest levels a disparity
 * `decoder.disparity.i`. At full size, where a ResNet has no map, `imageSkip` lets the image itself
 * join. Convolutions mirror their border; between them ELU, or with `decoderNorm` batch
 * normalisation and ReLU; sigmoid at the end.
 */
export function depthNetwork(
  scope: Scope,
  encode: Pyramid,
  config: Pick<
    DepthConfig,
    "depth" | "width" | "decoderWidth" | "decoderNorm" | "imageSkip" | "scales" | "initialDisparity"
  >,
): DepthNetwork {
  const skips = [config.imageSkip ? IMAGE_CHANNELS : 0, ...resnetChannels(config)];
  const channels = [0, 1, 2, 3, 4].map((level) => config.decoderWidth << level);
  const decoder = scope.child("decoder");
  const layer = config.decoderNorm ? normalised : activated;
  const levels = [4, 3, 2, 1, 0].map((level) => ({
    level,
    before: layer(decoder.child(`up.${level}.0`), {
      inputChannels: level === 4 ? skips[5] : channels[level + 1],
      outputChannels: channels[level],
    }),
    after: layer(decoder.child(`up.${level}.1`), {
      inputChannels: channels[level] + skips[level],
      outputChannels: channels[level],
    }),
    head: level < config.scales
      ? mirrored(decoder.child(`disparity.${level}`), {
        inputChannels: channels[level],
        outputChannels: 1,
      })
      : undefined,
  }));
  return (images, mode, scales) => {
    const input = normalise(images);
    const maps = encode(input, mode);
    /** What joins the decoder at 1, 1/2, ... of the size. */
    const joining = [config.imageSkip ? input : undefined, ...maps];
    const disparities: tf.Tensor4D[] = [];
    let x = maps[4];
    for (const { level, before, after, head } of levels) {
      x = double(before(x, mode));
      const skip = joining[level];
      if (skip) x = tf.concat([x, skip], 3);
      x = after(x, mode);
      if (head && level < scales) {
        const start = initialLogits(config.initialDisparity, x.shape[1]);
        disparities.unshift(tf.sigmoid(tf.add(head(x, mode), start)));
      }
    }
    return disparities;
  };
}

/** `[1,height,1,1]`: what is added to the last convolution's answer in each row. */
function initialLogits({ far, near, horizon }: InitialDisparity, height: number): tf.Tensor4D {
  const rows = Array.from({ length: height }, (_, row) => {
    const below = Math.max(0, ((row + 0.5) / height - horizon) / (1 - horizon));
    const disparity = far + (near - far) * below;
    return Math.log(disparity / (1 - disparity));
  });
  return tf.tensor4d(rows, [1, height, 1, 1]);
}

/** Brings colours 0..1 to about mean 0 and deviation 1, as both networks expect them. */
export function normalise(images: tf.Tensor4D): tf.Tensor4D {
  return tf.div(tf.sub(images, 0.45), 0.225);
}

type Channels = Pick<ConvOptions, "inputChannels" | "outputChannels">;

/** Monodepth2's layer. */
function activated(scope: Scope, channels: Channels): Layer {
  const convolution = mirrored(scope, { ...channels, initial: kaimingUniform });
  return (x, mode) => tf.elu(convolution(x, mode));
}

/** Learns from scratch in fewer steps. */
function normalised(scope: Scope, channels: Channels): Layer {
  const layer = convNorm(scope, scope.child("norm"), {
    ...channels,
    kernelSize: 3,
    padding: 0,
    relu: true,
  });
  return (x, mode) => layer(reflectPad(x), mode);
}

/** A 3x3 convolution whose border is mirrored: zeros there would look like a far wall. */
function mirrored(
  scope: Scope,
  options: Channels & Pick<ConvOptions, "initial">,
): Layer {
  const convolution = conv2d(scope, { ...options, kernelSize: 3, padding: 0 });
  return (x, mode) => convolution(reflectPad(x), mode);
}
