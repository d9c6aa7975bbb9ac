/**
 * The few kernels that run on the host, by tfjs-backend-cpu, on values that the host knows. What was
 * computed on the GPU cannot be read in the middle of a kernel, and is refused in one clear line.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { DeviceError } from "../../errors.ts";
import type { WebGpuBackend } from "./backend.ts";
import type { GpuKernel, KernelCall } from "./kernel.ts";
import type { HostValues } from "./words.ts";

const TEXT = "text never leaves the host";

/** Kernels by the reason why the GPU does not run them. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  [TEXT]: [
    "StaticRegexReplace",
    "StringNGrams",
    "StringSplit",
    "StringToHashBucketFast",
  ],
  "the shape of the result depends on the values": [
    "NonMaxSuppressionV3",
    "NonMaxSuppressionV4",
    "NonMaxSuppressionV5",
    "RaggedGather",
    "RaggedRange",
    "RaggedTensorToTensor",
    "SparseFillEmptyRows",
    "SparseReshape",
    "Unique",
  ],
  "shapes are computed where they are used": ["BroadcastArgs"],
};

/** The kernels that the host runs, and which others it runs on text. */
export interface Host {
  readonly kernels: readonly GpuKernel[];
  /** The kernel, which leaves tensors of strings to the host. */
  withText(kernel: GpuKernel): GpuKernel;
}

/** Every kernel of the list above. */
export function hostKernels(): Host {
  const cpu = new MathBackendCPU();
  // It greets on first use and recommends another backend.
  Object.assign(cpu, { firstUse: false });
  return {
    kernels: Object.entries(REASONS).flatMap(([reason, names]) =>
      names.map((name) => ({ name, run: (call: KernelCall) => onHost(cpu, name, reason, call) }))
    ),
    withText: ({ name, run }) => ({
      name,
      run: (call) => {
        const text = Object.values(call.inputs).some((input) => input?.dtype === "string") &&
          tf.getKernel(name, "cpu");
        return text ? onHost(cpu, name, TEXT, call) : run(call);
      },
    }),
  };
}

function onHost(
  cpu: MathBackendCPU,
  name: string,
  reason: string,
  { inputs, attrs, backend }: KernelCall,
): tf.TensorInfo | tf.TensorInfo[] {
  const lend = (info: tf.TensorInfo) => {
    const values = backend.valuesOf(info);
    if (values) return cpu.makeTensorInfo(info.shape, info.dtype, values as Float32Array);
    throw new DeviceError(
      `Cannot run ${name} on webgpu: ${reason}, and the host does not know the values of ` +
        `[${info.shape}]; make a tensor of await tensor.data(), or use --device cpu`,
    );
  };
  const lendAll = (input: tf.TensorInfo | readonly tf.TensorInfo[]) =>
    Array.isArray(input) ? input.map(lend) : input && lend(input as tf.TensorInfo);
  const lent = Array.isArray(inputs)
    ? inputs.map(lend)
    : Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, lendAll(input)]));
  const { kernelFunc } = tf.getKernel(name, "cpu");
  const results = kernelFunc({ inputs: lent as never, attrs: attrs as never, backend: cpu });
  const outputs = [results].flat().map((info) => take(cpu, backend, info));
  for (const info of Object.values(lent).flat()) if (info) cpu.disposeData(info.dataId);
  return Array.isArray(results) ? outputs : outputs[0];
}

/** Moves a result over. */
function take(cpu: MathBackendCPU, backend: WebGpuBackend, info: tf.TensorInfo): tf.TensorInfo {
  const { values } = cpu.data.get(info.dataId);
  cpu.disposeData(info.dataId);
  return backend.known(info.shape, info.dtype, values as unknown as HostValues);
}
