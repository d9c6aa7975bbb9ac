/**
 * The end of a training step: it moves all that a network has learnt, or nothing.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { TrainingError } from "../errors.ts";
import type { PendingStatistics } from "../ops/running_statistics.ts";
import type { Gradients } from "./optimizers.ts";

/** What a step would change, before anything has changed. */
export interface ProposedStep<T extends { readonly loss: number }> {
  /** By name of the variable. */
  readonly gradients: Gradients;
  /** Where the network's running statistics wait. */
  readonly statistics: PendingStatistics;
  /** Reads what the step found. */
  read(): Promise<T>;
  /** Called once: keeps what else the step has changed, or takes it back. */
  settle?(taken: boolean): void;
}

/** What an error says of the step. */
export interface StepName {
  /** Such as `learning depth`. */
  readonly doing: string;
  /** Counts from 0. */
  readonly step: number;
  readonly learningRate: number;
}

/**
 * Takes a step whose loss and gradients are finite: statistics move, and `update` moves the weights. Both are
 * read at once, so that an engine that computes elsewhere is waited for a single time. Frees gradients and
 * statistics.
 *
 * @returns what `read` answered.
 * @throws {TrainingError} when a number is NaN or infinite; weights, optimiser and statistics are those before
 * the step then.
 */
export async function takeStep<T extends { readonly loss: number }>(
  { gradients, statistics, read, settle }: ProposedStep<T>,
  name: StepName,
  update: (gradients: Gradients) => void,
): Promise<T> {
  let sum: tf.Scalar | undefined, taken = false;
  try {
    sum = gradientSum(gradients);
    const [found, [total]] = await Promise.all([read(), sum.data<"float32">()]);
    requireFinite(found.loss, total, name);
    taken = true;
    settle?.(true);
    statistics.apply();
    update(gradients);
    return found;
  } finally {
    if (!taken) settle?.(false);
    statistics.dispose();
    tf.dispose([sum, gradients]);
  }
}

/** @throws {TrainingError} where the loss or the sum of its gradients is not finite. */
function requireFinite(loss: number, sum: number, { doing, step, learningRate }: StepName): void {
  const [expected, got] = Number.isFinite(loss)
    ? ["finite gradients", sum]
    : ["a finite loss", loss];
  if (Number.isFinite(got)) return;
  throw new TrainingError(
    `Cannot go on ${doing}: expected ${expected} at step ${step}, got ${got}; the weights are those before the ` +
      `step, lower the learning rate (now ${learningRate}) and go on from them or from the last checkpoint`,
  );
}

/** The sum of all numbers, which is finite where each of them is. */
function gradientSum(gradients: Gradients): tf.Scalar {
  return tf.tidy(() => {
    // Most are as short as a layer has channels: one sum for all of them.
    const parts = Object.values(gradients).map((gradient) =>
      (gradient.rank === 1 ? gradient : tf.reshape(tf.sum(gradient), [1])) as tf.Tensor1D
    );
    return tf.sum(tf.concat([tf.zeros([1]) as tf.Tensor1D, ...parts]));
  });
}
