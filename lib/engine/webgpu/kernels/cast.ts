/**
 * Conversion between float32, int32 and bool.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Cast`. */
export function castKernels(): GpuKernel[] {
  return [{
    name: "Cast",
    run: ({ inputs: { x }, attrs, backend }) => cast(backend, x, attrs.dtype as tf.DataType),
  }];
}

/** Floats lose their fraction, and become true where they are not 0. The caller owns the result. */
export function cast(backend: WebGpuBackend, x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  const same = elementType(x.dtype) === elementType(dtype) &&
    (dtype !== "bool" || x.dtype === dtype);
  // Bools are the integers 0 and 1 on the GPU, but not on the host.
  if (same && (x.dtype === dtype || backend.valuesOf(x) === undefined)) {
    return { ...backend.alias(x, x.shape), dtype };
  }
  const output = backend.output(x.shape, dtype);
  const vectors = Math.ceil(sizeOf(x) / 4);
  backend.run({
    shader,
    variant: {
      from: elementType(x.dtype),
      to: elementType(dtype),
      flag: dtype === "bool",
      workgroup: backend.tiles.flat,
    },
    reads: [x],
    writes: [output],
    uniforms: { count: vectors },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  return output;
}

const shader: Shader<{ from: string; to: string; flag: boolean; workgroup: number }> = {
  name: "cast",
  source: ({ from, to, flag, workgroup }) => ({
    reads: { input: `vec4<${from}>` },
    writes: { output: `vec4<${to}>` },
    uniforms: { count: "u32" },
    code: flatMain(
      workgroup,
      flag
        ? `output[i] = vec4<${to}>(input[i] != vec4<${from}>());`
        : `output[i] = vec4<${to}>(input[i]);`,
    ),
  }),
};
