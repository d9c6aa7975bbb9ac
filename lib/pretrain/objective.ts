/**
 * What the network of the contrastive stage learns by: one interface for all of them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { StateDict } from "../nn/parameters.ts";
import type { MixedBatch } from "../records.ts";
import type { PretrainMetrics } from "./metrics.ts";

/** What a step found. */
export type StepOutcome = Omit<PretrainMetrics, "learningRate">;

/** Moves the variables by gradients, which are by name of the variable. */
export type Update = (gradients: tf.NamedTensorMap) => void;

/** A loss with its samples and targets. */
export interface Objective {
  /**
   * One step: finds the gradients of a batch and has the variables moved by them.
   *
   * @param step counts from 0; it decides the samples.
   */
  learn(
    batch: MixedBatch,
    step: number,
    variables: tf.Variable[],
    update: Update,
  ): Promise<StepOutcome>;
  /**
   * Prototypes `[K,D]` that take the place of the present ones before this step, where it is time for such.
   *
   * @param batchOf the batch of any step, as the steps will get them.
   */
  recluster?(
    step: number,
    batchOf: (step: number) => MixedBatch,
  ): Promise<Float32Array | undefined>;
  /** What the names of its own tensors in a checkpoint begin with, where it has some. */
  readonly prefix?: string;
  /** Those tensors. */
  export?(): StateDict | Promise<StateDict>;
  /** Takes them back from a checkpoint. */
  import?(state: StateDict): void;
  /** Frees its own tensors, where it has some on the engine. */
  dispose?(): void;
}

/** Mixed images as the network's input `[B,H,W,3]`. */
export function imagesOf({ images, count, height, width }: MixedBatch): tf.Tensor4D {
  return tf.tensor4d(images, [count, height, width, 3]);
}
