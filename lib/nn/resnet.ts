/**
 * Residual networks (He et al. 2016) with torchvision's names, so that weights come and go.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import { convNorm, type Layer, type Mode } from "./layers.ts";
import type { Scope, StateDict } from "./parameters.ts";

/** Settings of {@linkcode resnet}. */
export interface ResNetOptions {
  /** 18 and 34 have basic blocks, 50 bottlenecks. */
  readonly depth: 18 | 34 | 50;
  /** Channels of the first stage; 64 is the standard. Later stages have 2, 4 and 8 times as many. */
  readonly width: number;
  /** 3 for one image. */
  readonly inputChannels: number;
}

/** `[B,H,W,inputChannels]` to five maps, of 1/2, 1/4, 1/8, 1/16 and 1/32 of its size. */
export type Pyramid = (x: tf.Tensor4D, mode: Mode) => tf.Tensor4D[];

/** Blocks of each of the four stages, by depth. */
export const BLOCK_COUNTS: Readonly<Record<ResNetOptions["depth"], readonly number[]>> = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
};

/** A ResNet without its classifier: stem, then the four stages. */
export function resnet(scope: Scope, options: ResNetOptions): Pyramid {
  const { depth, width, inputChannels } = options;
  const counts = BLOCK_COUNTS[depth];
  if (counts === undefined) {
    throw new ConfigError(`Cannot build a ResNet: expected depth 18, 34 or 50, got ${depth}`);
  }
  const channels = resnetChannels(options);
  const stem = convNorm(scope.child("conv1"), scope.child("bn1"), {
    inputChannels: inputChannels,
    outputChannels: width,
    kernelSize: 7,
    stride: 2,
    relu: true,
  });
  const block = depth === 50 ? bottleneck : basicBlock;
  const stages = counts.map((count, i) => {
    const blocks = Array.from(
      { length: count },
      (_, j) =>
        block(scope.child(`layer${i + 1}.${j}`), {
          inputs: j === 0 ? channels[i] : channels[i + 1],
          inner: width << i,
          outputs: channels[i + 1],
          stride: i > 0 && j === 0 ? 2 : 1,
        }),
    );
    return (x: tf.Tensor4D, mode: Mode) => blocks.reduce((y, layer) => layer(y, mode), x);
  });
  return (x, mode) => {
    const maps = [stem(x, mode)];
    let y = tf.maxPool(maps[0], 3, 2, 1);
    for (const stage of stages) maps.push(y = stage(y, mode));
    return maps;
  };
}

/** Channels of the five maps. */
export function resnetChannels({ depth, width }: Pick<ResNetOptions, "depth" | "width">): number[] {
  const expansion = depth === 50 ? 4 : 1;
  return [width, ...[1, 2, 4, 8].map((factor) => width * factor * expansion)];
}

/** Weights of {@linkcode resnet}, without running statistics; nothing is created. */
export function countResnetParameters({ depth, width, inputChannels }: ResNetOptions): number {
  /** A convolution without bias, and the scale and offset of its normalisation. */
  const layer = (inputs: number, outputs: number, size: number) =>
    outputs * (inputs * size * size + 2);
  const channels = resnetChannels({ depth, width });
  let count = layer(inputChannels, width, 7);
  BLOCK_COUNTS[depth].forEach((blocks, i) => {
    const inner = width << i, outputs = channels[i + 1];
    for (let j = 0; j < blocks; j++) {
      const inputs = j === 0 ? channels[i] : outputs;
      count += depth === 50
        ? layer(inputs, inner, 1) + layer(inner, inner, 3) + layer(inner, outputs, 1)
        : layer(inputs, outputs, 3) + layer(outputs, outputs, 3);
      if (j === 0 && (i > 0 || inputs !== outputs)) count += layer(inputs, outputs, 1);
    }
  });
  return count;
}

/** The weights of a ResNet from elsewhere without its classifier `fc`, which nothing here has. */
export function withoutClassifier(weights: StateDict): StateDict {
  return new Map([...weights].filter(([name]) => !name.startsWith("fc.")));
}

interface BlockOptions {
  readonly inputs: number;
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
}

/** Two 3x3 convolutions, the first of which strides. */
function basicBlock(scope: Scope, { inputs, outputs, stride }: BlockOptions): Layer {
  const first = convNorm(scope.child("conv1"), scope.child("bn1"), {
    inputChannels: inputs,
    outputChannels: outputs,
    kernelSize: 3,
    stride,
    relu: true,
  });
  const second = convNorm(scope.child("conv2"), scope.child("bn2"), {
    inputChannels: outputs,
    outputChannels: outputs,
    kernelSize: 3,
    relu: true,
  });
  const skip = shortcut(scope, inputs, outputs, stride);
  return (x, mode) => second(first(x, mode), mode, skip(x, mode));
}

/** 1x1, 3x3 and 1x1 convolutions; the 3x3 strides, as in torchvision (not as in the paper). */
function bottleneck(scope: Scope, { inputs, inner, outputs, stride }: BlockOptions): Layer {
  const reduce = convNorm(scope.child("conv1"), scope.child("bn1"), {
    inputChannels: inputs,
    outputChannels: inner,
    kernelSize: 1,
    relu: true,
  });
  const middle = convNorm(scope.child("conv2"), scope.child("bn2"), {
    inputChannels: inner,
    outputChannels: inner,
    kernelSize: 3,
    stride,
    relu: true,
  });
  const expand = convNorm(scope.child("conv3"), scope.child("bn3"), {
    inputChannels: inner,
    outputChannels: outputs,
    kernelSize: 1,
    relu: true,
  });
  const skip = shortcut(scope, inputs, outputs, stride);
  return (x, mode) => expand(middle(reduce(x, mode), mode), mode, skip(x, mode));
}

/** What is added at a block's end: its input, projected where the shape changes. */
function shortcut(scope: Scope, inputs: number, outputs: number, stride: number): Layer {
  if (inputs === outputs && stride === 1) return (x) => x;
  const options = {
    inputChannels: inputs,
    outputChannels: outputs,
    kernelSize: 1,
    stride,
    relu: false,
  };
  return convNorm(scope.child("downsample.0"), scope.child("downsample.1"), options);
}
