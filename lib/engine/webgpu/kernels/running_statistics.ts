/**
 * Running statistics of batch normalisation, in place. The tensors that are written are variables' own: nobody
 * else may hold their memory.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `MoveStatistics`, a kernel of this project (lib/ops/running_statistics.ts). */
export function runningStatisticsKernels(): GpuKernel[] {
  return [{ name: "MoveStatistics", run: moveStatistics }];
}

function moveStatistics({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { mean, variance, batchMean, batchVariance } = inputs;
  const { momentum, unbias } = attrs as Record<string, number>;
  const count = Math.ceil(sizeOf(mean) / 4);
  const workgroup = backend.tiles.flat;
  backend.run({
    shader: moving,
    variant: { workgroup },
    reads: [batchMean, batchVariance],
    writes: [mean, variance],
    uniforms: { count, kept: 1 - momentum, taken: momentum, unbias },
    groups: flatGroups(count, workgroup),
  });
  return [];
}

const moving: Shader<{ workgroup: number }> = {
  name: "running statistics",
  source: ({ workgroup }) => ({
    reads: { batchMean: "vec4<f32>", batchVariance: "vec4<f32>" },
    writes: { mean: "vec4<f32>", variance: "vec4<f32>" },
    uniforms: { count: "u32", kept: "f32", taken: "f32", unbias: "f32" },
    code: flatMain(
      workgroup,
      `mean[i] = u.kept * mean[i] + u.taken * batchMean[i];
  variance[i] = u.kept * variance[i] + u.taken * (u.unbias * batchVariance[i]);`,
    ),
  }),
};
