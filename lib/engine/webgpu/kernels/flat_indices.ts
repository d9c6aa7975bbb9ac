/**
 * Lists of coordinates as row numbers, for gathering and scattering.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Scalar, type Shader } from "../program.ts";

/** `[count, rank]` coordinates to `[count]` rows; on the host where it knows them. */
export function flatIndices(
  backend: WebGpuBackend,
  indices: tf.TensorInfo,
  count: number,
  strides: readonly number[],
): tf.TensorInfo {
  const rank = sizeOf(indices) / Math.max(1, count);
  const places = backend.valuesOf(indices) as Int32Array | undefined;
  if (places) {
    const rows = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < rank; k++) rows[i] += places[i * rank + k] * strides[k];
    }
    return backend.known([count], "int32", rows);
  }
  const output = backend.output([count], "int32");
  const uniforms: Record<string, number> = { count };
  for (let k = 0; k < rank; k++) uniforms[`stride_${k}`] = strides[k];
  backend.run({
    shader,
    variant: { rank, workgroup: backend.tiles.flat },
    reads: [indices],
    writes: [output],
    uniforms,
    groups: flatGroups(count, backend.tiles.flat),
  });
  return output;
}

const shader: Shader<{ rank: number; workgroup: number }> = {
  name: "flat indices",
  source: ({ rank, workgroup }) => {
    const axes = Array.from({ length: rank }, (_, k) => k);
    const strides = axes.map((k): [string, Scalar] => [`stride_${k}`, "i32"]);
    const terms = axes.map((k) => `indices[i * ${rank} + ${k}] * u.stride_${k}`);
    return {
      reads: { indices: "i32" },
      writes: { output: "i32" },
      uniforms: { count: "u32", ...Object.fromEntries(strides) },
      code: flatMain(workgroup, `output[i] = ${["0", ...terms].join(" + ")};`),
    };
  },
};

/** The longest of lists that begin at `starts` in an array, the last start being its end. */
export function longestRun(starts: Int32Array): number {
  return starts.reduce((most, end, i) => i > 0 ? Math.max(most, end - starts[i - 1]) : most, 0);
}

/** @throws where the host knows of a row that is not below `count`; the GPU leaves it out. */
export function refuseOutside(
  backend: WebGpuBackend,
  rows: tf.TensorInfo,
  count: number,
  shape: readonly number[],
): void {
  for (const row of backend.valuesOf(rows) as Int32Array | undefined ?? []) {
    if (row >= 0 && row < count) continue;
    throw new Error(`Invalid indices: ${row} does not index into ${shape}`);
  }
}
