/**
 * What the stages of a run share: its folder, its log, its progress, its interruption.
 *
 * @module
 */

import type { Interrupt } from "./interrupt.ts";
import type { MetricsLog } from "./storage/metrics_log.ts";
import type { Progress } from "./progress.ts";
import { type StepMetrics, train } from "./training.ts";

/** See the module's comment. */
export interface Session {
  readonly folder: string;
  readonly log: MetricsLog;
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly warn: (line: string) => void;
}

/** A training stage as a run describes it. */
export interface StageTraining<Batch> {
  readonly stage: string;
  readonly steps: number;
  readonly completed: number;
  readonly saveEvery: number;
  /** The batch of a step; it must depend on nothing but the step. */
  batches(step: number): Batch | Promise<Batch>;
  step(batch: Batch, step: number): Promise<StepMetrics>;
  save(completed: number): Promise<void>;
}

/** Steps between lines of metrics.jsonl. */
const LOG_EVERY = 10;

/** Runs a stage with log and progress; answers how many steps are done. */
export async function trainStage<Batch>(
  session: Session,
  training: StageTraining<Batch>,
): Promise<number> {
  const { stage, steps, completed } = training;
  await session.log.truncate(stage, completed);
  let mean: number | undefined;
  return await session.interrupt.saving((signal) =>
    train({
      ...training,
      batches: inOrder(training.batches, completed, steps),
      signal,
      report: async (done, metrics) => {
        mean = mean === undefined ? metrics.loss : 0.95 * mean + 0.05 * metrics.loss;
        session.progress.update(stage, done, steps, `loss ${mean.toFixed(4)}`);
        if (done % LOG_EVERY === 0 || done === steps) {
          await session.log.append({ stage, step: done, ...metrics });
        }
      },
    })
  );
}

async function* inOrder<Batch>(
  make: (step: number) => Batch | Promise<Batch>,
  from: number,
  to: number,
) {
  for (let step = from; step < to; step++) yield await make(step);
}
