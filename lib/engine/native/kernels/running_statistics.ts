/**
 * Running statistics of batch normalisation, in place, of variables: whoever else holds their memory keeps the values
 * that are there.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `MoveStatistics`, a kernel of this project (lib/ops/running_statistics.ts). */
export function runningStatisticsKernels(): NativeKernel[] {
  return [{ name: "MoveStatistics", run: moveStatistics }];
}

/** So few numbers that a call into the library would take longer than the loop. */
function moveStatistics({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { momentum, unbias } = attrs as Record<string, number>;
  move(backend.ownFloats(inputs.mean), backend.floats(inputs.batchMean), momentum, 1);
  move(backend.ownFloats(inputs.variance), backend.floats(inputs.batchVariance), momentum, unbias);
  return [];
}

/** Rounds where single operations on floats would, so that both ways give the same bytes. */
function move(
  running: Float32Array,
  batch: Float32Array,
  momentum: number,
  factor: number,
): void {
  const { fround } = Math;
  const kept = fround(1 - momentum), taken = fround(momentum), by = fround(factor);
  for (let c = 0; c < running.length; c++) {
    running[c] = fround(running[c] * kept) + fround(fround(batch[c] * by) * taken);
  }
}
