/**
 * Softmax and its logarithm along the last axis.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Softmax` and `LogSoftmax`. */
export function softmaxKernels(): GpuKernel[] {
  return [
    { name: "Softmax", run: (call) => softmax(call, "dim", false) },
    { name: "LogSoftmax", run: (call) => softmax(call, "axis", true) },
  ];
}

/** tfjs-core moves another axis to the end before it calls. */
function softmax({ inputs: { logits }, attrs, backend }: KernelCall, key: string, log: boolean) {
  const last = logits.shape.length - 1;
  const [axis] = tf.util.parseAxisParam(attrs[key] as number, logits.shape);
  tf.util.assert(axis === last, () => `softmax: expected the last axis ${last}, got ${axis}`);
  return softmaxOf(backend, logits, log);
}

/** Softmax along the last axis, or its logarithm. */
export function softmaxOf(
  backend: WebGpuBackend,
  logits: tf.TensorInfo,
  log = false,
): tf.TensorInfo {
  const columns = logits.shape[logits.shape.length - 1], rows = sizeOf(logits) / columns;
  const { flat: workgroup } = backend.tiles;
  const statistics = backend.output([rows, 2]);
  backend.run({
    shader: rowStatistics,
    variant: { workgroup },
    reads: [logits],
    writes: [statistics],
    uniforms: { count: rows, columns },
    groups: flatGroups(rows, workgroup),
    iterations: 2 * columns,
  });
  const output = backend.output(logits.shape);
  backend.run({
    shader: apply,
    variant: { workgroup, log },
    reads: [logits, statistics],
    writes: [output],
    uniforms: { count: sizeOf(logits), columns },
    groups: flatGroups(sizeOf(logits), workgroup),
  });
  backend.release(statistics);
  return output;
}

/** Of each row the largest value m, and the sum of exp(x - m). */
const rowStatistics: Shader<{ workgroup: number }> = {
  name: "softmax, statistics",
  source: ({ workgroup }) => ({
    reads: { logits: "f32" },
    writes: { statistics: "f32" },
    uniforms: { count: "u32", columns: "u32" },
    code: flatMain(
      workgroup,
      `let base = i * u.columns;
  var largest = logits[base];
  for (var k = 1u; k < u.columns; k++) { largest = max(largest, logits[base + k]); }
  var sum = 0.0;
  for (var k = 0u; k < u.columns; k++) { sum += exp(logits[base + k] - largest); }
  statistics[2 * i] = largest;
  statistics[2 * i + 1] = sum;`,
    ),
  }),
};

const apply: Shader<{ workgroup: number; log: boolean }> = {
  name: "softmax",
  source: ({ workgroup, log }) => ({
    reads: { logits: "f32", statistics: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32", columns: "u32" },
    code: flatMain(
      workgroup,
      `let row = i / u.columns;
  let value = logits[i] - statistics[2 * row];
  let sum = statistics[2 * row + 1];
  output[i] = ${log ? "value - log(sum)" : "exp(value) / sum"};`,
    ),
  }),
};
