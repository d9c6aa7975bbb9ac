/**
 * The largest values along the last axis, and where values belong in sorted rows.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `TopK` and `SearchSorted`. */
export function topKKernels(): GpuKernel[] {
  return [{ name: "TopK", run: topK }, { name: "SearchSorted", run: searchSorted }];
}

/** Values and indices `[..., k]`, in falling order, of equal ones the first first. */
function topK({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const kept = attrs.k as number, length = x.shape[x.shape.length - 1];
  const shape = x.shape.with(-1, kept);
  const outputs = [backend.output(shape, x.dtype), backend.output(shape, "int32")];
  const count = kept === 0 ? 0 : sizeOf(x);
  backend.run({
    shader: topShader,
    variant: { type: elementType(x.dtype), workgroup: backend.tiles.flat },
    reads: [x],
    writes: outputs,
    uniforms: { count, length, kept },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: length,
  });
  return outputs;
}

/** Every element counts those before it, which costs as much for any k. */
const topShader: Shader<{ type: string; workgroup: number }> = {
  name: "top k",
  source: ({ type, workgroup }) => ({
    reads: { x: type },
    writes: { values: type, indices: "u32" },
    uniforms: { count: "u32", length: "u32", kept: "u32" },
    code: flatMain(
      workgroup,
      `let index = i % u.length;
  let base = i - index;
  let own = x[i];
  var rank = 0u;
  for (var k = 0u; k < u.length; k++) {
    let other = x[base + k];
    if (other > own || (other == own && k < index)) { rank++; }
  }
  if (rank >= u.kept) { return; }
  values[i / u.length * u.kept + rank] = own;
  indices[i / u.length * u.kept + rank] = index;`,
    ),
  }),
};

/** Rows `[B,S]` in rising order and values `[B,V]` to the places `[B,V]` before or after equal ones. */
function searchSorted({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { sortedSequence, values } = inputs;
  const output = backend.output(values.shape, "int32");
  backend.run({
    shader: searchShader,
    variant: {
      before: attrs.side === "left",
      type: elementType(values.dtype),
      workgroup: backend.tiles.flat,
    },
    reads: [sortedSequence, values],
    writes: [output],
    uniforms: {
      count: sizeOf(values),
      length: sortedSequence.shape[1],
      each: values.shape[1],
    },
    groups: flatGroups(sizeOf(values), backend.tiles.flat),
  });
  return output;
}

const searchShader: Shader<{ before: boolean; type: string; workgroup: number }> = {
  name: "search sorted",
  source: ({ before, type, workgroup }) => ({
    reads: { sorted: type, values: type },
    writes: { output: "u32" },
    uniforms: { count: "u32", length: "u32", each: "u32" },
    code: flatMain(
      workgroup,
      `let base = i / u.each * u.length;
  var low = 0u;
  var high = u.length;
  while (low < high) {
    let middle = (low + high) / 2;
    if (sorted[base + middle] ${before ? "<" : "<="} values[i]) { low = middle + 1; }
    else { high = middle; }
  }
  output[i] = high;`,
    ),
  }),
};
