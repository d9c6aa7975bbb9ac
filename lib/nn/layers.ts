/**
 * Convolution and batch normalisation on `[B,H,W,C]`, with PyTorch's names and conventions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { plus } from "../ops/plus.ts";
import { ConfigError } from "../errors.ts";
import { batchNormTrain } from "../ops/batch_norm.ts";
import { moveStatistics, type PendingStatistics } from "../ops/running_statistics.ts";
import { constant, type Initializer, kaimingNormal, uniform } from "./initializers.ts";
import type { Scope } from "./parameters.ts";

/** Whether a network learns (batch statistics) or answers (running statistics). */
export interface Mode {
  readonly training: boolean;
  /** Where running statistics wait for the end of a step; they move at once where there is none. */
  readonly statistics?: PendingStatistics;
}

/** A part of a network: `[B,H,W,C]` to `[B,H',W',C']`. The caller's tidy owns the result. */
export type Layer = (x: tf.Tensor4D, mode: Mode) => tf.Tensor4D;

/** Settings of {@linkcode conv2d}. */
export interface ConvOptions {
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Rows and columns of the square kernel. */
  readonly kernelSize: number;
  /** 1 by default. */
  readonly stride?: number;
  /** Zeros on each side; (kernelSize - 1) / 2 by default, which keeps the size at stride 1. */
  readonly padding?: number;
  /** An offset per output; true by default. */
  readonly bias?: boolean;
  /** Uniform within 1/sqrt(fan in) by default, as in PyTorch. The bias always begins so. */
  readonly initial?: Initializer;
}

/** A convolution with parameters `weight` and `bias`. */
export function conv2d(scope: Scope, options: ConvOptions): Layer {
  const { inputChannels, outputChannels, kernelSize, stride = 1, bias = true } = options;
  const padding = options.padding ?? (kernelSize - 1) / 2;
  const shape = [kernelSize, kernelSize, inputChannels, outputChannels];
  const weight = scope.weight("weight", shape, options.initial ?? uniform());
  const bound = 1 / Math.sqrt(kernelSize * kernelSize * inputChannels);
  const offset = bias ? scope.weight("bias", [outputChannels], uniform(bound)) : undefined;
  return (x) =>
    tf.tidy(() => {
      const y = tf.conv2d(x, weight as tf.Tensor as tf.Tensor4D, stride, padding);
      return offset ? plus(y, offset) : y;
    });
}

/** Settings of {@linkcode convNorm} beyond the convolution's. */
export interface ConvNormOptions extends Omit<ConvOptions, "bias"> {
  /** Clamps the result at 0 from below. */
  readonly relu: boolean;
}

/** Like {@linkcode Layer}, with something to add before the clamp. */
export type ResidualLayer = (
  x: tf.Tensor4D,
  mode: Mode,
  residual?: tf.Tensor4D,
) => tf.Tensor4D;

/**
 * Convolution without bias, batch normalisation, an optional residual and ReLU. When it answers,
 * the normalisation is folded into the convolution's weights.
 *
 * @param convolution Scope of `weight`; He's initialisation by default.
 * @param norm Scope of `weight`, `bias`, `running_mean` and `running_var`.
 */
export function convNorm(
  convolution: Scope,
  norm: Scope,
  options: ConvNormOptions,
): ResidualLayer {
  const { inputChannels, outputChannels, kernelSize, stride = 1, relu } = options;
  const pad = options.padding ?? (kernelSize - 1) / 2;
  const shape = [kernelSize, kernelSize, inputChannels, outputChannels];
  const filter = convolution.weight("weight", shape, options.initial ?? kaimingNormal);
  const normalise = normalisation(norm, outputChannels);
  return (x, mode, residual) => {
    if (mode.training) {
      const y = tf.conv2d(x, filter as tf.Tensor as tf.Tensor4D, stride, pad);
      return normalise.train(y, { relu, residual, statistics: mode.statistics });
    }
    const { scale, offset } = normalise.affine();
    const y = tf.fused.conv2d({
      x,
      filter: tf.mul(filter, scale),
      strides: stride,
      pad,
      bias: offset,
      activation: relu && !residual ? "relu" : "linear",
    });
    if (!residual) return y;
    return relu ? tf.relu(tf.add(y, residual)) : tf.add(y, residual);
  };
}

/** Both faces of a batch normalisation: momentum 0.1, epsilon 1e-5, the running variance unbiased. */
interface Normalisation {
  /** Normalises by the batch's statistics and moves the running ones a tenth of the way there. */
  train(
    x: tf.Tensor4D,
    options: {
      readonly relu: boolean;
      readonly residual?: tf.Tensor4D;
      readonly statistics?: PendingStatistics;
    },
  ): tf.Tensor4D;
  /** What normalisation by the running statistics comes to: `x * scale + offset`, each `[C]`. */
  affine(): { scale: tf.Tensor1D; offset: tf.Tensor1D };
}

function normalisation(scope: Scope, channels: number): Normalisation {
  const epsilon = 1e-5;
  const scale = scope.weight("weight", [channels], constant(1)) as tf.Tensor as tf.Tensor1D;
  const offset = scope.weight("bias", [channels], constant(0)) as tf.Tensor as tf.Tensor1D;
  const running = {
    mean: scope.buffer("running_mean", [channels], 0),
    variance: scope.buffer("running_var", [channels], 1),
  };
  return {
    train(x, { relu, residual, statistics }) {
      const count = x.size / channels;
      if (count < 2) {
        throw new ConfigError(
          `Cannot normalise a batch: expected at least 2 values per channel, got ${count}; ` +
            `use larger images or a larger batch`,
        );
      }
      const { y, mean, variance } = batchNormTrain(x, scale, offset, { epsilon, relu, residual });
      const move = { momentum: 0.1, count };
      if (statistics) statistics.add(running, { mean, variance }, move);
      else moveStatistics(running, { mean, variance }, move);
      return y;
    },
    affine() {
      const gain = tf.mul(scale, tf.rsqrt(tf.add(running.variance, epsilon)));
      return {
        scale: gain as tf.Tensor1D,
        offset: tf.sub(offset, tf.mul(running.mean, gain)) as tf.Tensor1D,
      };
    },
  };
}
