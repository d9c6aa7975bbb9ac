/**
 * How a native kernel family presents itself, and how families become registered tfjs kernels.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, type NativeBackend } from "./backend.ts";

/** What a kernel is called with. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: NativeBackend;
}

/** A kernel of a family; answers undefined where tfjs-backend-cpu is to do it (another dtype, say). */
export interface NativeKernel {
  readonly name: string;
  run(call: KernelCall): tf.TensorInfo | tf.TensorInfo[] | undefined;
}

/** Whether these tensors are all float32 and none is empty. */
export function areFloats(...tensors: readonly (tf.TensorInfo | undefined)[]): boolean {
  return tensors.every((tensor) =>
    tensor === undefined ||
    (tensor.dtype === "float32" && tensor.shape.every((size) => size > 0))
  );
}

/** Whether these tensors are float32 or int32, four bytes an element, and none is empty. */
export function areMovable(backend: NativeBackend, ...tensors: readonly tf.TensorInfo[]): boolean {
  return tensors.every((tensor) =>
    tensor.shape.every((size) => size > 0) &&
    (tensor.dtype === "float32" ||
      (tensor.dtype === "int32" && backend.data.get(tensor.dataId).values instanceof Int32Array))
  );
}

/**
 * Registers tfjs-backend-cpu's kernels under this backend's name, and the native ones over them.
 * The gradients that tfjs-core's Node bundle lacks come with tfjs-layers.
 */
export function registerKernels(kernels: readonly NativeKernel[]): void {
  const fallbacks = new Map<string, tf.KernelConfig>();
  for (const kernel of tf.getKernelsForBackend("cpu")) fallbacks.set(kernel.kernelName, kernel);
  for (const kernel of fallbacks.values()) {
    register(kernel.kernelName, kernel);
  }
  for (const kernel of kernels) {
    const fallback = fallbacks.get(kernel.name);
    register(kernel.name, {
      ...fallback,
      kernelFunc: (params) => {
        const call = params as unknown as KernelCall;
        const result = kernel.run(call);
        if (result !== undefined) return result;
        if (!fallback) throw new Error(`no fallback for kernel ${kernel.name}`);
        return fallback.kernelFunc(params);
      },
    });
  }
}

function register(kernelName: string, config: Partial<tf.KernelConfig>): void {
  if (tf.getKernel(kernelName, BACKEND_NAME)) tf.unregisterKernel(kernelName, BACKEND_NAME);
  tf.registerKernel({ ...config, kernelName, backendName: BACKEND_NAME } as tf.KernelConfig);
}
