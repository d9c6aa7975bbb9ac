/**
 * One level of the loss, from features to numbers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { gridSample } from "../ops/grid_sample.ts";
import type { PretrainConfig } from "./config.ts";
import { unitRows } from "./encoder.ts";
import { swappedPrediction } from "./prototype_loss.ts";
import type { SampleSet } from "./sampling.ts";

/** One of the two losses of a step. */
export interface Level {
  readonly name: "pixel" | "region";
  readonly weight: number;
  readonly samples: SampleSet;
}

/** What {@linkcode compare} answers: `[2]` loss and entropy, `[N]` nearest prototype of each slot. */
export type Comparison = { readonly lossAndEntropy: tf.Tensor1D; readonly nearest: tf.Tensor1D };

/** `[N,D]` the features at the samples, of unit length. */
export function sampleRows(projections: tf.Tensor4D, samples: SampleSet): tf.Tensor2D {
  const { images, perImage } = samples;
  const positions = tf.tensor4d(samples.positions, [images, perImage, 1, 2]);
  const read = gridSample(projections, positions, { padding: "border" });
  return unitRows(tf.reshape(read, [images * perImage, -1]));
}

/**
 * Reads the features at the samples and scores them against the prototypes.
 *
 * @param earlier `[Q,D]` features that take part in the balance of prototypes alone.
 * @returns with the features `[N,D]` themselves.
 */
export function compare(
  projections: tf.Tensor4D,
  prototypes: tf.Tensor,
  samples: SampleSet,
  config: PretrainConfig,
  earlier?: tf.Tensor2D,
): Comparison & { readonly features: tf.Tensor2D } {
  const features = sampleRows(projections, samples);
  const options = {
    epsilon: config.epsilon,
    iterations: config.sinkhornIterations,
    temperature: config.temperature,
  };
  const found = swappedPrediction(features, prototypes as tf.Tensor2D, samples, options, earlier);
  return { ...found, features };
}

/** Reads a comparison, and frees it even where it cannot be read (a lost device, say). */
export async function readComparison({ lossAndEntropy, nearest }: Comparison): Promise<Outcome> {
  try {
    const [[loss, entropy], ids] = await Promise.all([
      lossAndEntropy.data<"float32">(),
      nearest.data<"int32">(),
    ]);
    return { loss, entropy, nearest: ids };
  } finally {
    tf.dispose([lossAndEntropy, nearest]);
  }
}

/** A comparison on this side of the engine. */
export interface Outcome {
  readonly loss: number;
  readonly entropy: number;
  readonly nearest: Int32Array;
}

/** Prototypes that are the nearest of at least one sample. */
export function countUsed(levels: readonly Level[], outcomes: readonly Outcome[]): number {
  const used = new Set<number>();
  levels.forEach(({ samples }, i) =>
    samples.groups.forEach((group, slot) => {
      if (group >= 0) used.add(outcomes[i].nearest[slot]);
    })
  );
  return used.size;
}
