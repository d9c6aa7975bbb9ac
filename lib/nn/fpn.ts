/**
 * The semantic branch of Panoptic-FPN (Kirillov et al. 2019, figure 3).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { plus } from "../ops/plus.ts";
import { double, resizeBilinear } from "../ops/resize.ts";
import { conv2d, convNorm, type Layer, type Mode } from "./layers.ts";
import type { Scope } from "./parameters.ts";

/** Settings of {@linkcode featurePyramid}. */
export interface FeaturePyramidOptions {
  /** Channels of each input map, finest first. */
  readonly inputChannels: readonly number[];
  /** Channels of the semantic branch and of the result. */
  readonly channels: number;
  /**
   * Channels of the top-down path, whose maps then pass a 3x3 convolution each, as published (256); 0, the
   * default, brings the backbone's maps straight to `channels`, without those convolutions.
   */
  readonly topDownChannels?: number;
}

/**
 * Merges the maps of a backbone, each half the size of the one before it, into one of the finest's
 * size: `[B,H,W,channels]`. Top-down, each map becomes `lateral.i` (1x1) of it plus the coarser
 * one, doubled, and with `topDownChannels` passes `output.i` (3x3; Lin et al. 2017); then level i is refined
 * by i times `head.i.j` (3x3, batch normalisation in place of the paper's by groups, ReLU) and bilinear
 * doubling (once without doubling at the finest), and all are summed.
 *
 * Parameters: `lateral.i.{weight,bias}`, `output.i.{weight,bias}`, `head.i.j.conv.weight`, `head.i.j.norm.*`.
 */
export function featurePyramid(
  scope: Scope,
  { inputChannels, channels, topDownChannels = 0 }: FeaturePyramidOptions,
): (maps: readonly tf.Tensor4D[], mode: Mode) => tf.Tensor4D {
  const inner = topDownChannels || channels;
  const laterals = inputChannels.map((inputs, i) =>
    conv2d(scope.child(`lateral.${i}`), {
      inputChannels: inputs,
      outputChannels: inner,
      kernelSize: 1,
    })
  );
  const outputs = inputChannels.map((_, i): Layer =>
    topDownChannels === 0 ? (x) => x : conv2d(scope.child(`output.${i}`), {
      inputChannels: inner,
      outputChannels: inner,
      kernelSize: 3,
    })
  );
  const heads = inputChannels.map((_, i) => head(scope.child(`head.${i}`), i, inner, channels));
  return (maps, mode) => {
    let above: tf.Tensor4D | undefined;
    let sum: tf.Tensor4D | undefined;
    for (let i = maps.length - 1; i >= 0; i--) {
      // Scopes of their own, so that what no gradient needs is gone before the next level.
      const [coarser, coarserSum] = [above, sum];
      const map = above = tf.tidy(() => {
        const lateral = laterals[i](maps[i], mode);
        return coarser ? plus(lateral, double(coarser)) : lateral;
      });
      sum = tf.tidy(() => {
        const refined = heads[i](outputs[i](map, mode), mode);
        return coarserSum ? plus(coarserSum, refined) : refined;
      });
    }
    return sum!;
  };
}

/** Level i of the branch: to the size of level 0. */
function head(scope: Scope, level: number, inputs: number, channels: number): Layer {
  const convolutions = Array.from(
    { length: Math.max(1, level) },
    (_, j) =>
      convNorm(scope.child(`${j}.conv`), scope.child(`${j}.norm`), {
        inputChannels: j === 0 ? inputs : channels,
        outputChannels: channels,
        kernelSize: 3,
        relu: true,
      }),
  );
  return (x, mode) => {
    for (const convolution of convolutions) {
      x = convolution(x, mode);
      if (level > 0) x = resizeBilinear(x, 2 * x.shape[1], 2 * x.shape[2]);
    }
    return x;
  };
}
