/**
 * How a kernel family presents itself, and how families become registered tfjs kernels.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, type WebGpuBackend } from "./backend.ts";

/** What a kernel is called with. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: WebGpuBackend;
}

/** A kernel of a family. It owns its results, and releases what it makes on the way. */
export interface GpuKernel {
  readonly name: string;
  run(call: KernelCall): tf.TensorInfo | tf.TensorInfo[];
}

/** Type of a tensor's elements in WGSL; bool is 0 or 1. */
export function elementType(dtype: tf.DataType): "f32" | "i32" {
  return dtype === "float32" ? "f32" : "i32";
}

/** Number of elements. */
export function sizeOf({ shape }: Pick<tf.TensorInfo, "shape">): number {
  return tf.util.sizeFromShape(shape);
}

/** Registers kernels under the backend's name; registering them again replaces them. */
export function registerKernels(kernels: readonly GpuKernel[]): void {
  for (const { name, run } of kernels) {
    if (tf.getKernel(name, BACKEND_NAME)) tf.unregisterKernel(name, BACKEND_NAME);
    tf.registerKernel({
      kernelName: name,
      backendName: BACKEND_NAME,
      kernelFunc: (params) => run(params as unknown as KernelCall),
    });
  }
}
