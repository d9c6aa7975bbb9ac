/**
 * Choosing where tensors live and run.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, DeviceError } from "../errors.ts";
import { bringVariables } from "./bring_variables.ts";
import { registerGradients } from "./gradients.ts";
import { type OwnedEngine, ownedEngine, takeOver } from "./hot_choice.ts";
import { CudaEngine } from "./native/cuda_engine.ts";
import { probeCuda } from "./native/cuda_library.ts";
import { type NativeLibrary, openLibrary, provideLibrary } from "./native/library.ts";
import { fetchLibrary } from "./native/shipped.ts";
import type { Precision } from "./precision.ts";
import { findAdapter, type FoundAdapter, takesMixed } from "./webgpu/adapter.ts";
import type { WebGpuBackend } from "./webgpu/backend.ts";
import { openDevice, type OpenedDevice } from "./webgpu/device.ts";

/** What a caller may ask for; `auto` is the fastest engine that works here. */
export type DeviceName = "auto" | "cpu" | "webgpu" | "cuda";

const NAMES: readonly DeviceName[] = ["auto", "cpu", "webgpu", "cuda"];
const PRECISIONS: readonly Precision[] = ["float32", "mixed"];

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
  /** Threads of the CPU engine, from 1; by default `CPCDR_THREADS`, or the processors that this process may use. */
  readonly threads?: number;
  /**
   * `float32` by default; `mixed` takes about a third off a training step and a tenth off a whole run of preset `tiny`,
   * where the processor multiplies bfloat16. It works on GPUs with WebGPU's `shader-f16`, where it was not timed yet,
   * and is refused elsewhere.
   */
  readonly precision?: Precision;
  /** Told when a better engine is missing; writes to stderr by default. */
  readonly warn?: (line: string) => void;
}

/**
 * Makes an engine the one that tensors live on from here on. `auto` takes a GPU where WebGPU finds one,
 * and otherwise the CPU: never a software adapter, which is slower than the CPU engine, and never CUDA, with
 * which tensors would stay off the GPU. Where this module was imported over the network, the native library is
 * fetched from beside it once, checked and kept in the user's cache.
 *
 * It may be called again at any time. Asked for the engine that is in use, it changes nothing. Another engine gets
 * the variables of all networks and optimisers, which go on there; other tensors that are on a GPU stay there, where
 * `await tensor.data()` still reads them. A call that fails leaves the engine of before.
 *
 * @example
 * ```ts
 * import { useDevice } from "@cpcdr/cpcdr";
 * const device = await useDevice("cpu", { threads: 1 });
 * console.log(device.detail);
 * ```
 *
 * @throws {ConfigError} when there is no such engine or setting.
 * @throws {DeviceError} when it is not available here, or not with this precision, with what to use instead.
 */
export async function useDevice(
  name: DeviceName = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  checkWish(name, options);
  const { precision = "float32" } = options;
  const before = gpu;
  const problem = await provideLibrary();
  await registerGradients();
  const cuda = name === "cuda" ? await openCuda(precision) : undefined;
  const device = await takeOver(cuda, () => useTensors(name, options, problem));
  const lost = await bringVariables((backend) => gpus.has(backend) && backend !== tf.backend());
  if (lost > 0) {
    tell(
      options,
      `webgpu: ${lost} weights are lost with their device; build the networks anew and import their last state`,
    );
  }
  if (before && before.backend !== tf.backend()) {
    // Frees memory that lies idle there, which waiting commands may use.
    before.backend.flush();
    before.backend.dispose();
  }
  if (!cuda) return device;
  const { name: card, capability } = cuda.engine.device;
  const detail = `${card} (${capability}) for the hot kernels; tensors on ${device.detail}`;
  return { ...device, name: "cuda", detail };
}

/** @throws {ConfigError} saying what can be asked for. */
function checkWish(name: DeviceName, { precision, threads }: DeviceOptions): void {
  const require = (holds: boolean, expected: string, got: unknown, remedy: string) => {
    if (holds) return;
    const value = typeof got === "string" ? `"${got}"` : String(got);
    throw new ConfigError(`Cannot choose an engine: expected ${expected}, got ${value}; ${remedy}`);
  };
  require(NAMES.includes(name), "device auto, cpu, webgpu or cuda", name, "name one of them");
  require(
    precision === undefined || PRECISIONS.includes(precision),
    "precision float32 or mixed",
    precision,
    "leave it out for float32",
  );
  require(
    threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads < 2 ** 31),
    "threads to be an integer from 1",
    threads,
    "leave it out for all processors",
  );
}

/** Makes the engine that tensors live on. */
async function useTensors(
  name: DeviceName,
  options: DeviceOptions,
  problem: string | undefined,
): Promise<Device> {
  if (name === "cpu" || name === "cuda") return await useCpu(options, problem);
  const probe = await findAdapter();
  if (probe.found) {
    if (name === "webgpu" || probe.found.class === "gpu") {
      if (problem) tell(options, `hot kernels: using slower TypeScript, since ${problem}`);
      return await useWebGpu(probe.found, options.precision ?? "float32");
    }
  } else if (name === "webgpu") {
    throw new DeviceError(
      `Cannot use device webgpu: ${probe.reason}; or use --device cpu`,
    );
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

/** The engine in use where it will do, or a new one. @throws {DeviceError} where no CUDA device can be used. */
async function openCuda(precision: Precision): Promise<OwnedEngine<CudaEngine>> {
  const before = ownedEngine() as OwnedEngine<CudaEngine> | undefined;
  if (before?.precision === precision) return before;
  const problem = await fetchLibrary("cuda");
  if (problem) throw new DeviceError(`Cannot use device cuda: ${problem}; or use --device cpu`);
  const { library, devices: [device], reason, remedy } = probeCuda();
  if (library && device) {
    const exactness = precision === "mixed" ? "tf32" : "exact";
    return { engine: new CudaEngine(library, device, exactness), precision };
  }
  library?.close();
  throw new DeviceError(`Cannot use device cuda: ${reason}; ${remedy}, or use --device cpu`);
}

/** The library that tensors live in, or did and may again. */
interface UsedLibrary {
  readonly library: NativeLibrary;
  readonly precision: Precision;
  readonly backend: tf.KernelBackend;
}

/** The last one. */
let native: UsedLibrary | undefined;

/** A GPU that tensors live on, or did and may again. */
interface UsedGpu {
  readonly device: Device;
  readonly opened: OpenedDevice;
  readonly backend: WebGpuBackend;
}

/** The last one. */
let gpu: UsedGpu | undefined;

/** All that were. */
const gpus = new WeakSet<tf.KernelBackend>();

/** @param problem why there is no library, where that is known. */
async function useCpu(options: DeviceOptions, problem?: string): Promise<Device> {
  const { threads = 0, precision = "float32" } = options;
  if (native?.precision === precision && tf.findBackend("native") === native.backend) {
    await tf.setBackend("native");
    return describeNative(native, threads);
  }
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
  if (gpu && isInUse(gpu, precision)) {
    await tf.setBackend("webgpu");
    return gpu.device;
  }
  const { registerWebGpuBackend } = await import("./webgpu/register.ts");
  const opened = await openDevice(found, { features: mixed ? ["shader-f16"] : [] });
  registerWebGpuBackend(opened, { precision });
  await tf.setBackend("webgpu");
  const detail = [found.description, software && "in software", mixed && "float16"];
  const device: Device = {
    name: "webgpu",
    engine: "webgpu",
    detail: detail.filter(Boolean).join(", "),
    threads: 1,
    precision,
  };
  const backend = tf.backend() as WebGpuBackend;
  gpus.add(backend);
  gpu = { device, opened, backend };
  return device;
}

/** Whether a GPU still works, and as it is asked for. */
function isInUse({ device, opened, backend }: UsedGpu, precision: Precision): boolean {
  if (device.precision !== precision || tf.findBackend("webgpu") !== backend) return false;
  try {
    opened.check();
    return true;
  } catch {
    return false;
  }
}

async function useNative(
  library: NativeLibrary,
  threads: number,
  precision: Precision,
): Promise<Device> {
  const { registerNativeBackend } = await import("./native/register.ts");
  registerNativeBackend(library, precision);
  await tf.setBackend("native");
  native = { library, precision, backend: tf.backend() };
  return describeNative(native, threads);
}

/** @param threads that are wished for; below 1 as many as there are processors. */
function describeNative({ library, precision }: UsedLibrary, threads: number): Device {
  const count = library.setThreads(threads);
  const factors = precision === "mixed" ? ", bfloat16" : "";
  return {
    name: "cpu",
    engine: "native",
    detail: `native library, ${library.isa}${factors}, ${count} thread${count === 1 ? "" : "s"}`,
    threads: count,
    precision,
  };
}
