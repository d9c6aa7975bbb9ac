/**
 * Choosing where tensors live and run.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../errors.ts";
import { registerGradients } from "./gradients.ts";
import { type NativeLibrary, openLibrary } from "./native/library.ts";

/** What a caller may ask for; `auto` is the fastest engine that works here. */
export type DeviceName = "auto" | "cpu" | "webgpu" | "cuda";

/** The engine in use. */
export interface Device {
  readonly name: "cpu";
  /** `native` is the C++ library, `tfjs-cpu` plain TypeScript. */
  readonly engine: "native" | "tfjs-cpu";
  /** One line for people: library, instruction set, threads. */
  readonly detail: string;
  readonly threads: number;
}

/** Settings of {@linkcode useDevice}. */
export interface DeviceOptions {
  /** Threads of the CPU engine; `CPCDR_THREADS` or all cores by default. */
  readonly threads?: number;
  /** Told when a better engine is missing; writes to stderr by default. */
  readonly warn?: (line: string) => void;
}

/**
 * Makes an engine the one that tensors live on from here on.
 *
 * @throws {DeviceError} when it is not available in this build, with what to use instead.
 */
export async function useDevice(
  name: DeviceName = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  if (name === "webgpu" || name === "cuda") {
    throw new DeviceError(
      `Cannot use device ${name}: this version computes on the CPU alone; use --device cpu`,
    );
  }
  await registerGradients();
  const probe = openLibrary();
  if (probe.library) return await useNative(probe.library, options.threads ?? 0);
  const warn = options.warn ?? console.error;
  warn(`cpu: using the slower TypeScript engine, since ${probe.reason}`);
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  return { name: "cpu", engine: "tfjs-cpu", detail: "tfjs-backend-cpu, 1 thread", threads: 1 };
}

async function useNative(library: NativeLibrary, threads: number): Promise<Device> {
  const { registerNativeBackend } = await import("./native/register.ts");
  const count = library.setThreads(threads);
  registerNativeBackend(library);
  await tf.setBackend("native");
  return {
    name: "cpu",
    engine: "native",
    detail: `native library, ${library.isa}, ${count} thread${count === 1 ? "" : "s"}`,
    threads: count,
  };
}
