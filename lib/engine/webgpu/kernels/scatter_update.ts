/**
 * Rows replaced by index.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { flatIndices, refuseOutside } from "./flat_indices.ts";

/** `TensorScatterUpdate` and `SparseToDense`. */
export function scatterUpdateKernels(): GpuKernel[] {
  return [
    {
      name: "TensorScatterUpdate",
      run: ({ inputs: { tensor, indices, updates }, backend }) =>
        replaced(backend, tensor, indices, updates, tensor.shape),
    },
    { name: "SparseToDense", run: sparseToDense },
  ];
}

/** One default value for all, and values for the rows that indices name. */
function sparseToDense({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { sparseIndices, sparseValues, defaultValue } = inputs;
  return replaced(
    backend,
    defaultValue,
    sparseIndices,
    sparseValues,
    attrs.outputShape as number[],
  );
}

/**
 * A tensor of the shape with the elements of `tensor` (or its one number), of which rows are replaced; of
 * updates for the same row the last counts.
 */
function replaced(
  backend: WebGpuBackend,
  tensor: tf.TensorInfo,
  indices: tf.TensorInfo,
  updates: tf.TensorInfo,
  shape: number[],
): tf.TensorInfo {
  const { numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    updates,
    indices,
    shape,
  );
  const output = backend.output(shape, updates.dtype);
  if (outputSize === 0) return output;
  const rows = flatIndices(backend, indices, numUpdates, strides);
  refuseOutside(backend, rows, outputSize / sliceSize, shape);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads: [tensor, rows, updates],
    writes: [output],
    uniforms: {
      count: outputSize,
      inner: sliceSize,
      updates_count: numUpdates,
      same: Number(sizeOf(tensor) === 1),
      one: Number(sizeOf(updates) === 1),
    },
    groups: flatGroups(outputSize, backend.tiles.flat),
    iterations: numUpdates,
  });
  backend.release(rows);
  return output;
}

/** Every element looks for its row among all updates, from the last on. */
const shader: Shader<{ workgroup: number }> = {
  name: "scatter update",
  source: ({ workgroup }) => ({
    reads: { old: "u32", rows: "u32", updates: "u32" },
    writes: { output: "u32" },
    uniforms: { count: "u32", inner: "u32", updates_count: "u32", same: "u32", one: "u32" },
    code: flatMain(
      workgroup,
      `for (var k = u.updates_count; k > 0; k--) {
    if (rows[k - 1] != i / u.inner) { continue; }
    output[i] = updates[select((k - 1) * u.inner + i % u.inner, 0, u.one == 1)];
    return;
  }
  output[i] = old[select(i, 0, u.same == 1)];`,
    ),
  }),
};
