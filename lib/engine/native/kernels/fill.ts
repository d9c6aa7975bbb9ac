/**
 * Tensors of one value, and conversions to float32; both in memory from the pool.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `Fill`, `ZerosLike`, `OnesLike` and `Cast` (to float32). */
export function fillKernels(): NativeKernel[] {
  return [
    {
      name: "Fill",
      run: ({ attrs, backend }) => {
        const { shape, value } = attrs as { shape: number[]; value: number };
        const dtype = attrs.dtype ?? tf.util.inferDtype(value);
        return dtype === "float32" ? filled(backend, shape, value) : undefined;
      },
    },
    { name: "ZerosLike", run: (call) => filledLike(call, 0) },
    { name: "OnesLike", run: (call) => filledLike(call, 1) },
    { name: "Cast", run: cast },
  ];
}

function filled(backend: KernelCall["backend"], shape: readonly number[], value: number) {
  const output = backend.output(shape);
  output.values.fill(value);
  return output.info;
}

function filledLike({ inputs: { x }, backend }: KernelCall, value: number) {
  return x.dtype === "float32" ? filled(backend, x.shape, value) : undefined;
}

/** tfjs-backend-cpu keeps the integers and calls them float32, so that every reader converts them. */
function cast({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  if (attrs.dtype !== "float32" || (x.dtype !== "int32" && x.dtype !== "bool")) return undefined;
  const output = backend.output(x.shape);
  output.values.set(backend.valuesOf(x));
  return output.info;
}
