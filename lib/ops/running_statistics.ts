/**
 * Running statistics of batch normalisation, which a network answers by.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";

/** Mean and variance of each channel, `[C]`. */
export interface Statistics<T extends tf.Tensor> {
  readonly mean: T;
  readonly variance: T;
}

/** How far {@linkcode moveStatistics} goes, and on whose word. */
export interface StatisticsMove {
  /** 0 stays, 1 takes the batch's. */
  readonly momentum: number;
  /** Values per channel of the batch, at least 2. */
  readonly count: number;
}

/**
 * Moves running statistics towards those of a batch, in place and beside the tape, as PyTorch does: the batch's
 * variance comes biased and counts unbiased,
 *
 *     mean     = (1 - momentum) mean     + momentum batch.mean
 *     variance = (1 - momentum) variance + momentum batch.variance count / (count - 1)
 *
 * An engine that has the kernel `MoveStatistics` runs it as one operation.
 */
export function moveStatistics(
  running: Statistics<tf.Variable>,
  batch: Statistics<tf.Tensor>,
  { momentum, count }: StatisticsMove,
): void {
  const unbias = count / (count - 1);
  outsideTape(() => {
    if (useFusedKernel("MoveStatistics")) {
      const inputs = {
        mean: running.mean,
        variance: running.variance,
        batchMean: batch.mean,
        batchVariance: batch.variance,
      };
      tf.engine().runKernel("MoveStatistics", inputs, { momentum, unbias });
    } else {
      moveTowards(running.mean, batch.mean, momentum);
      moveTowards(running.variance, tf.mul(batch.variance, unbias), momentum);
    }
  });
}

/** Moves that wait until it is known that they are wanted, in the order in which they were asked for. */
export class PendingStatistics {
  #moves: {
    readonly running: Statistics<tf.Variable>;
    readonly batch: Statistics<tf.Tensor>;
    readonly move: StatisticsMove;
  }[] = [];

  /** Notes what {@linkcode moveStatistics} would do. The batch's statistics outlive the scope that they are of. */
  add(
    running: Statistics<tf.Variable>,
    batch: Statistics<tf.Tensor>,
    move: StatisticsMove,
  ): void {
    this.#moves.push({
      running,
      batch: { mean: tf.keep(batch.mean), variance: tf.keep(batch.variance) },
      move,
    });
  }

  /** Does what was noted, and forgets it. */
  apply(): void {
    for (const { running, batch, move } of this.#moves) moveStatistics(running, batch, move);
    this.dispose();
  }

  /** Forgets what was noted. */
  dispose(): void {
    for (const { batch } of this.#moves) tf.dispose([batch.mean, batch.variance]);
    this.#moves = [];
  }
}

function moveTowards(running: tf.Variable, value: tf.Tensor, momentum: number): void {
  running.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(value, momentum)));
}

/** Runs `f` unrecorded: tfjs-core takes it for the inside of a kernel. */
function outsideTape(f: () => void): void {
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    tf.tidy(f);
  } finally {
    state.kernelDepth--;
  }
}
