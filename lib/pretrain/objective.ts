/**
 * What the network of the contrastive stage learns by: one interface for all of them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Mode } from "../nn/layers.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { ProposedStep } from "../nn/training_step.ts";
import type { MixedBatch } from "../records.ts";
import type { PretrainMetrics } from "./metrics.ts";

/** What a step found. */
export type StepOutcome = Omit<PretrainMetrics, "learningRate">;

/** What an objective makes of a batch; nothing that is part of a checkpoint has changed for good yet. */
export type Proposal = Omit<ProposedStep<StepOutcome>, "statistics">;

/** A loss with its samples and targets. */
export interface Objective {
  /**
   * Finds the gradients of a batch. Where loss and gradients are finite, the variables are moved by them.
   *
   * @param step counts from 0; it decides the samples.
   * @param training how the network is to be asked.
   */
  learn(batch: MixedBatch, step: number, variables: tf.Variable[], training: Mode): Proposal;
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
  /**
   * Checks those of a checkpoint; what it answers takes them back and cannot fail.
   *
   * @throws {CheckpointError} when they belong to other settings.
   */
  check?(state: StateDict): () => void;
  /** Frees its own tensors, where it has some on the engine. */
  dispose?(): void;
}

/** Mixed images as the network's input `[B,H,W,3]`. */
export function imagesOf({ images, count, height, width }: MixedBatch): tf.Tensor4D {
  return tf.tensor4d(images, [count, height, width, 3]);
}
