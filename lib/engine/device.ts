/**
 * Choosing where tensors live and run.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../errors.ts";
import { registerGradients } from "./gradients.ts";
import { CudaEngine } from "./native/cuda_engine.ts";
import { probeCuda } from "./native/cuda_library.ts";
import { preferHotLibrary } from "./native/hot.ts";
import { type NativeLibrary, openLibrary, provideLibrary } from "./native/library.ts";
import { fetchLibrary } from "./native/shipped.ts";
import type { Precision } from "./precision.ts";
import { findAdapter, type FoundAdapter, takesMixed } from "./webgpu/adapter.ts";
import { openDevice } from "./webgpu/device.ts";

/** What a caller may ask for; `auto` is the fastest engine that works here. */
export type DeviceName = "auto" | "cpu" | "webgpu" | "cuda";

export type { Precision };

/** The engine in use. */
export interface Device {
  /** Which of the engines that can be asked for. */
  readonly name: "cpu" | "webgpu" | "cuda";
  /**
   * `native` is the C++ library, `tfjs-cpu` plain TypeScript, `webgpu` the kernels in WGSL. Device `cuda` runs the
   * hot kernels on the GPU and tensors on `native`.
   */
  readonly engine: "native" | "tfjs-cpu" | "webgpu";
  /** One line for people: library, instruction set, threads; or the GPU. */
  readonly detail: string;
  /** Of the CPU engine; 1 where another one computes. */
  readonly threads: number;
  /** As it was asked for. */
  readonly precision: Precision;
}

/** Settings of {@linkcode useDevice}. */
export interface DeviceOptions {
  /** Threads of the CPU engine; by default `CPCDR_THREADS`, or the processors that this process may use. */
  readonly threads?: number;
  /**
   * `float32` by default; `mixed` takes a fifth off a training step where the processor multiplies bfloat16. It works on GPUs
   * with WebGPU's `shader-f16`, where it was not timed yet, and is refused elsewhere.
   */
  readonly precision?: Precision;
  /** Told when a better engine is missing; writes to stderr by default. */
  readonly warn?: (line: string) => void;
}

/**
 * Makes an engine the one that tensors live on from here on. `auto` takes a GPU where WebGPU finds one,
 * and otherwise the CPU: never a software adapter, which is slower than the CPU engine, and never CUDA, whose
 * kernels have not been measured yet. Where this module was imported over the network, the native library is
 * fetched from beside it once, checked and kept in the user's cache.
 *
 * @example
 * ```ts
 * import { useDevice } from "@cpcdr/cpcdr";
 * const device = await useDevice("cpu", { threads: 1 });
 * console.log(device.detail);
 * ```
 *
 * @throws {DeviceError} when it is not available here, or not with this precision, with what to use instead.
 */
export async function useDevice(
  name: DeviceName = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  const { precision = "float32" } = options;
  const cuda = name === "cuda" ? await openCuda(precision) : undefined;
  const problem = await provideLibrary();
  await registerGradients();
  preferHotLibrary(cuda);
  if (cuda) {
    const device = await useCpu(options, problem);
    const { name, capability } = cuda.device;
    const detail = `${name} (${capability}) for the hot kernels; tensors on ${device.detail}`;
    return { ...device, name: "cuda", detail };
  }
  if (name !== "cpu") {
    const probe = await findAdapter();
    if (probe.found) {
      if (name === "webgpu" || probe.found.class === "gpu") {
        if (problem) tell(options, `hot kernels: using slower TypeScript, since ${problem}`);
        return await useWebGpu(probe.found, precision);
      }
    } else if (name === "webgpu") {
      throw new DeviceError(
        `Cannot use device webgpu: ${probe.reason}; or use --device cpu`,
      );
    }
  }
  return await useCpu(options, problem);
}

function tell({ warn = console.error }: DeviceOptions, line: string): void {
  warn(line);
}

function imprecise(reason: string, alternative?: string): DeviceError {
  const remedy = ["leave --precision mixed out", alternative].filter(Boolean).join(", ");
  return new DeviceError(`Cannot compute with mixed precision: ${reason}; ${remedy}`);
}

/** @throws {DeviceError} where no CUDA device can be used. */
async function openCuda(precision: Precision): Promise<CudaEngine> {
  const problem = await fetchLibrary("cuda");
  if (problem) throw new DeviceError(`Cannot use device cuda: ${problem}; or use --device cpu`);
  const { library, devices: [device], reason, remedy } = probeCuda();
  if (library && device) {
    return new CudaEngine(library, device, precision === "mixed" ? "tf32" : "exact");
  }
  library?.close();
  throw new DeviceError(`Cannot use device cuda: ${reason}; ${remedy}, or use --device cpu`);
}

/** @param problem why there is no library, where that is known. */
async function useCpu(options: DeviceOptions, problem?: string): Promise<Device> {
  const { threads = 0, precision = "float32" } = options;
  const probe = problem ? { reason: problem } : openLibrary();
  if (precision === "mixed" && !probe.library?.bfloat16) {
    throw imprecise(
      probe.library
        ? `this processor (${probe.library.isa}) has no instructions for bfloat16`
        : probe.reason,
    );
  }
  if (probe.library) return await useNative(probe.library, threads, precision);
  tell(options, `cpu: using the slower TypeScript engine, since ${probe.reason}`);
  const { usePlainBackend } = await import("./plain.ts");
  await usePlainBackend();
  const detail = "tfjs-backend-cpu, 1 thread";
  return { name: "cpu", engine: "tfjs-cpu", detail, threads: 1, precision };
}

async function useWebGpu(found: FoundAdapter, precision: Precision): Promise<Device> {
  const mixed = precision === "mixed", software = found.class === "software";
  if (mixed && !takesMixed(found)) {
    const reason = software ? "in software, computes in float32 alone" : "has no shader-f16";
    throw imprecise(`${found.description} ${reason}`, "or use --device cpu");
  }
  const { registerWebGpuBackend } = await import("./webgpu/register.ts");
  const device = await openDevice(found, { features: mixed ? ["shader-f16"] : [] });
  registerWebGpuBackend(device, { precision });
  await tf.setBackend("webgpu");
  const detail = [found.description, software && "in software", mixed && "float16"];
  return {
    name: "webgpu",
    engine: "webgpu",
    detail: detail.filter(Boolean).join(", "),
    threads: 1,
    precision,
  };
}

async function useNative(
  library: NativeLibrary,
  threads: number,
  precision: Precision,
): Promise<Device> {
  const { registerNativeBackend } = await import("./native/register.ts");
  const count = library.setThreads(threads);
  registerNativeBackend(library, precision);
  await tf.setBackend("native");
  const factors = precision === "mixed" ? ", bfloat16" : "";
  return {
    name: "cpu",
    engine: "native",
    detail: `native library, ${library.isa}${factors}, ${count} thread${count === 1 ? "" : "s"}`,
    threads: count,
    precision,
  };
}
