/**
 * The loop that both training stages run in: batches in order, metrics logged, checkpoints written on
 * a schedule, and an interrupt that saves before it ends.
 *
 * @module
 */

import { TrainingError } from "../errors.ts";

/** What a step reports; every number goes to metrics.jsonl, `loss` to the progress line too. */
export type StepMetrics = { readonly loss: number } & Readonly<Record<string, number>>;

/** One training stage as {@linkcode train} sees it. */
export interface Training<Batch> {
  /** Steps in all; `completed` of them are already in the state that training starts from. */
  readonly steps: number;
  readonly completed: number;
  /** Steps between checkpoints; the last step always saves. */
  readonly saveEvery: number;
  /** Batches from step `completed` on, in order. */
  readonly batches: AsyncIterable<Batch>;
  /** Trains on one batch; `step` counts from 0. */
  step(batch: Batch, step: number): Promise<StepMetrics>;
  /** Saves the state in which `completed` steps are done. */
  save(completed: number): Promise<void>;
  /** Told after every step; `completed` counts from 1. */
  report(completed: number, metrics: StepMetrics): Promise<void> | void;
  /** Aborting it ends the loop after the step it is in, saved. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a training stage to its end or to its interruption; answers how many steps are done.
 *
 * @throws {TrainingError} when a loss is NaN or infinite: what was saved before stays, and the state
 * that led to it is not saved.
 */
export async function train<Batch>(training: Training<Batch>): Promise<number> {
  let completed = training.completed;
  if (completed >= training.steps) return completed;
  for await (const batch of training.batches) {
    const metrics = await training.step(batch, completed);
    if (!Number.isFinite(metrics.loss)) {
      throw new TrainingError(
        `Cannot go on training at step ${completed}: expected a finite loss, got ${metrics.loss}; ` +
          "the last checkpoint is intact, lower the learning rate and resume from it",
      );
    }
    completed++;
    await training.report(completed, metrics);
    const stop = completed >= training.steps || training.signal?.aborted === true;
    if (stop || completed % training.saveEvery === 0) await training.save(completed);
    if (stop) break;
  }
  return completed;
}
