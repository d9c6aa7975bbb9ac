/**
 * The network of the contrastive stage: ResNet, Panoptic-FPN's semantic branch and a projector.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { DataError } from "../errors.ts";
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from "../mix/view.ts";
import { featurePyramid } from "../nn/fpn.ts";
import { conv2d, convNorm, type Layer, type Mode } from "../nn/layers.ts";
import type { Scope } from "../nn/parameters.ts";
import { countResnetParameters, resnet, resnetChannels } from "../nn/resnet.ts";
import { resizeBilinear } from "../ops/resize.ts";
import type { Frame } from "../records.ts";
import type { PretrainConfig } from "./config.ts";

/** Pixels that the network sees from one feature to the next. */
const NETWORK_STRIDE = 4;

/** Pixels of a frame from one feature to the next. */
export function featureStride({ enlarge = 1 }: PretrainConfig): number {
  return NETWORK_STRIDE / enlarge;
}

/** What the names of the ResNet's parameters begin with. */
export const BACKBONE = "backbone";

/** What the network says of a batch `[B,H,W,3]`: a feature every {@linkcode featureStride} pixels. */
export interface Encoding {
  /** `[B,h,w,pyramidChannels]`, what other tasks build on. */
  readonly features: tf.Tensor4D;
  /** `[B,h,w,embeddingSize]`, what the loss compares; rows are not yet of unit length. */
  readonly projections: tf.Tensor4D;
}

/** Images normalised with ImageNet's mean and deviation to features. */
export type Encoder = (images: tf.Tensor4D, mode: Mode) => Encoding;

/**
 * Builds the network in `scope`: `backbone.*` with torchvision's names, `pyramid.*`, and
 * `projector.0` (with `projector.1` and `projector.3` where the projector has two layers).
 */
export function encoder(scope: Scope, config: PretrainConfig): Encoder {
  const backbone = resnet(scope.child(BACKBONE), {
    depth: config.depth,
    width: config.width,
    inputChannels: 3,
  });
  const pyramid = featurePyramid(scope.child("pyramid"), {
    inputChannels: resnetChannels(config).slice(1),
    channels: config.pyramidChannels,
    topDownChannels: config.topDownChannels,
  });
  const project = projector(scope.child("projector"), config);
  const { enlarge = 1 } = config;
  return (images, mode) => {
    const [, height, width] = images.shape;
    const seen = resizeBilinear(images, height * enlarge, width * enlarge);
    const [, ...stages] = backbone(seen, mode);
    const features = pyramid(stages, mode);
    return { features, projections: project(features, mode) };
  };
}

/** Weights of the network and of the prototypes, without running statistics; nothing is created. */
export function countParameters(config: PretrainConfig): number {
  const { depth, width, pyramidChannels, topDownChannels = 0, projectorChannels, embeddingSize } =
    config;
  const maps = resnetChannels({ depth, width }).slice(1);
  const inner = topDownChannels || pyramidChannels;
  const lateral = maps.reduce((sum, channels) => sum + (channels + 1) * inner, 0);
  const output = topDownChannels > 0 ? 4 * (9 * inner + 1) * inner : 0;
  // Seven convolutions, the first of each level from the top-down path's channels.
  const head = (9 * (4 * inner + 3 * pyramidChannels) + 2 * 7) * pyramidChannels;
  const projector = projectorChannels === 0
    ? (pyramidChannels + 1) * embeddingSize
    : (pyramidChannels + 2 + embeddingSize) * projectorChannels;
  const prototypes = config.prototypes * embeddingSize;
  return countResnetParameters({ depth, width, inputChannels: 3 }) + lateral + output + head +
    projector + prototypes;
}

/** One 1x1 convolution, or two with normalisation and ReLU between them. */
function projector(scope: Scope, config: PretrainConfig): Layer {
  const { pyramidChannels, projectorChannels, embeddingSize } = config;
  if (projectorChannels === 0) {
    return conv2d(scope.child(0), {
      inputChannels: pyramidChannels,
      outputChannels: embeddingSize,
      kernelSize: 1,
    });
  }
  const widen = convNorm(scope.child(0), scope.child(1), {
    inputChannels: pyramidChannels,
    outputChannels: projectorChannels,
    kernelSize: 1,
    relu: true,
  });
  const narrow = conv2d(scope.child(3), {
    inputChannels: projectorChannels,
    outputChannels: embeddingSize,
    kernelSize: 1,
    bias: false,
  });
  return (x, mode) => narrow(widen(x, mode), mode);
}

/** Rows of a `[N,D]` matrix brought to unit length; a row of zeros stays. */
export function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const squares = tf.sum(tf.square(rows), 1, true);
    return tf.mul(rows, tf.rsqrt(tf.add(squares, 1e-12)));
  });
}

/** Brings the prototypes `[K,D]` to unit length where they stand. */
export function normalisePrototypes(prototypes: tf.Variable): void {
  tf.tidy(() => prototypes.assign(unitRows(prototypes as tf.Tensor2D)));
}

/** @throws {DataError} when frames differ in size, or one has not as many colours as pixels. */
export function requireAlike(frames: readonly Frame[]): void {
  const { height, width } = frames[0];
  for (const frame of frames) {
    if (frame.height !== height || frame.width !== width) {
      throw new DataError(
        `Cannot embed frame ${frame.name}: expected ${width}x${height} as the others of its batch, ` +
          `got ${frame.width}x${frame.height}; read all frames at one size`,
      );
    }
    if (frame.rgb.length !== height * width * 3) {
      throw new DataError(
        `Cannot embed frame ${frame.name}: expected ${
          height * width * 3
        } values of ${width}x${height} pixels, ` +
          `got ${frame.rgb.length}; give red, green and blue of each pixel`,
      );
    }
  }
}

/**
 * Frames as the network's input `[B,H,W,3]`, normalised as the mixed images are.
 *
 * @throws {DataError} when frames differ in size, or one has not as many colours as pixels.
 */
export function frameBatch(frames: readonly Frame[]): tf.Tensor4D {
  requireAlike(frames);
  const { height, width } = frames[0];
  const size = height * width * 3;
  const values = new Float32Array(frames.length * size);
  frames.forEach((frame, n) => {
    for (let i = 0; i < size; i++) {
      values[n * size + i] = (frame.rgb[i] / 255 - IMAGENET_MEAN[i % 3]) /
        IMAGENET_DEVIATION[i % 3];
    }
  });
  return tf.tensor4d(values, [frames.length, height, width, 3]);
}
