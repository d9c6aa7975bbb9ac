/**
 * Tensors that are made from numbers: constant, counted up, one-hot.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Fill`, `ZerosLike`, `OnesLike`, `Range`, `LinSpace` and `OneHot`. */
export function fillKernels(): GpuKernel[] {
  return [
    { name: "Fill", run: fillKernel },
    {
      name: "ZerosLike",
      run: ({ inputs: { x }, backend }) => filled(backend, x.shape, x.dtype, 0),
    },
    { name: "OnesLike", run: ({ inputs: { x }, backend }) => filled(backend, x.shape, x.dtype, 1) },
    { name: "Range", run: range },
    { name: "LinSpace", run: linSpace },
    { name: "OneHot", run: oneHot },
  ];
}

function fillKernel({ attrs, backend }: KernelCall): tf.TensorInfo {
  const { shape, value } = attrs as { shape: number[]; value: number };
  const dtype = attrs.dtype as tf.DataType | undefined ?? tf.util.inferDtype(value);
  if (dtype === "string") {
    const text = tf.util.encodeString(String(value)) as Uint8Array<ArrayBuffer>;
    const values = Array.from({ length: tf.util.sizeFromShape(shape) }, () => text);
    return backend.known(shape, dtype, values);
  }
  return filled(backend, shape, dtype, value);
}

/** A tensor of one value. A single number stays on the host, where kernels take it for a uniform. */
export function filled(
  backend: WebGpuBackend,
  shape: readonly number[],
  dtype: tf.DataType,
  value: number,
): tf.TensorInfo {
  if (tf.util.sizeFromShape(shape as number[]) === 1) {
    const values = dtype === "float32" ? Float32Array.of(value) : Int32Array.of(value);
    return backend.known(shape, dtype, dtype === "bool" ? Uint8Array.of(value) : values);
  }
  const output = backend.output(shape, dtype);
  const vectors = Math.ceil(sizeOf(output) / 4);
  backend.run({
    shader: fillShader,
    variant: { type: elementType(dtype), workgroup: backend.tiles.flat },
    reads: [],
    writes: [output],
    uniforms: { count: vectors, value },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  return output;
}

const fillShader: Shader<{ type: "f32" | "i32"; workgroup: number }> = {
  name: "fill",
  source: ({ type, workgroup }) => ({
    reads: {},
    writes: { output: `vec4<${type}>` },
    uniforms: { count: "u32", value: type },
    code: flatMain(workgroup, `output[i] = vec4<${type}>(u.value);`),
  }),
};

/** Counted on the host, which knows all there is to know. A step of 1 may mean -1, as in tfjs-core. */
function range({ attrs, backend }: KernelCall): tf.TensorInfo {
  const { start, stop, dtype } = attrs as Record<string, number> & { dtype: tf.DataType };
  const step = stop < start && attrs.step === 1 ? -1 : attrs.step as number;
  const length = step === 0 ? 0 : Math.max(0, Math.ceil((stop - start) / step));
  const values = dtype === "int32" ? new Int32Array(length) : new Float32Array(length);
  let value = start;
  for (let i = 0; i < length; i++, value += step) values[i] = value;
  return backend.known([length], dtype, values);
}

function linSpace({ attrs, backend }: KernelCall): tf.TensorInfo {
  const { start, stop, num } = attrs as Record<string, number>;
  const step = (stop - start) / (num - 1);
  const values = Float32Array.from({ length: num }, (_, i) => i === 0 ? start : start + i * step);
  return backend.known([num], "float32", values);
}

/** Shape rule: one more axis at the end, as long as there are classes. */
function oneHot({ inputs: { indices }, attrs, backend }: KernelCall): tf.TensorInfo {
  const { depth, onValue, offValue } = attrs as Record<string, number>;
  const dtype = attrs.dtype as tf.DataType | undefined ?? "int32";
  const output = backend.output([...indices.shape, depth], dtype);
  backend.run({
    shader: oneHotShader,
    variant: { type: elementType(dtype), workgroup: backend.tiles.flat },
    reads: [indices],
    writes: [output],
    uniforms: { count: sizeOf(output), depth, on: onValue, off: offValue },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

const oneHotShader: Shader<{ type: "f32" | "i32"; workgroup: number }> = {
  name: "one hot",
  source: ({ type, workgroup }) => ({
    reads: { indices: "i32" },
    writes: { output: type },
    uniforms: { count: "u32", depth: "u32", on: type, off: type },
    code: flatMain(
      workgroup,
      "output[i] = select(u.off, u.on, indices[i / u.depth] == i32(i % u.depth));",
    ),
  }),
};
