/**
 * Finds and opens the CUDA library, and tells which devices it can use. A library, driver or device that is
 * absent is a value with a reason and a remedy.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { CUDA_ABI_VERSION, cudaExports, type CudaSymbols } from "./cuda_symbols.ts";
import { cString } from "./library.ts";
import { openFile } from "./platform.ts";
import { namedLibrary, shippedLibrary } from "./shipped.ts";

/** Status codes of native/include/cpcdr_hot.h that say why there is no device. */
const NO_DRIVER = 3, OLD_DRIVER = 4, NO_DEVICE = 5;
/** By major version of the CUDA runtime, NVIDIA's oldest driver for it. */
const OLDEST_DRIVERS: Readonly<Record<number, number>> = { 12: 525, 13: 580 };
const NAME_BYTES = 256;

/** One GPU. */
export interface CudaDevice {
  /** Its number among the devices that this process sees, from 0. */
  readonly index: number;
  /** What its maker calls it. */
  readonly name: string;
  /** Compute capability, such as `9.0`. */
  readonly capability: string;
  /** Bytes of memory. */
  readonly memoryBytes: number;
  /** Number of multiprocessors. */
  readonly multiprocessors: number;
  /** Of its memory at peak; 0 where the driver does not tell. */
  readonly bytesPerSecond: number;
}

/** The opened library. */
export interface CudaLibrary {
  /** The file. */
  readonly path: string;
  /**
   * Its functions, by the names of native/include/.
   *
   * @internal
   */
  readonly symbols: CudaSymbols;
  /** Of the CUDA runtime in the library, such as `13.0`. */
  readonly runtime: string;
  /**
   * Turns a status that a kernel answered into an error.
   *
   * @throws {DeviceError} with the library's own message when a status is not 0.
   */
  check(status: number): void;
  /** Unloads it; engines made with it have to be disposed of before. */
  close(): void;
}

/** What {@linkcode probeCuda} found. */
export interface CudaProbe {
  /** The library where it could be opened, devices or none. */
  readonly library?: CudaLibrary;
  /** None where `reason` says why. */
  readonly devices: readonly CudaDevice[];
  /** Why there are no devices; empty where there are. */
  readonly reason: string;
  /** What helps; empty where nothing is wrong. */
  readonly remedy: string;
}

/**
 * Opens a library and asks it for devices. The caller closes the library.
 *
 * @param path by default `CPCDR_CUDA_LIBRARY`, else the one that ships for this platform.
 */
export function probeCuda(path?: string): CudaProbe {
  let library: CudaLibrary;
  try {
    library = open(path ?? namedLibrary("cuda") ?? shippedLibrary("cuda"));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return {
      devices: [],
      reason,
      remedy: "on Linux with nvcc, run: deno task build:native --cuda",
    };
  }
  const { symbols } = library, count = new Int32Array(1);
  const status = symbols.cpcdr_cuda_devices(count);
  if (status !== 0) {
    const reason = cString(symbols.cpcdr_last_error());
    return { library, devices: [], reason, remedy: remedyFor(status, library) };
  }
  const devices = Array.from({ length: count[0] }, (_, index) => readDevice(library, index));
  return { library, devices, reason: "", remedy: "" };
}

/** One line on a probe, for people. */
export function describeCuda({ library, devices, reason }: CudaProbe): string {
  if (!library) return "no CUDA library";
  const loaded = `library for CUDA ${library.runtime} loaded`;
  const names = devices.map(({ name, capability, memoryBytes }) =>
    `${name} (${capability}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB)`
  );
  return `${loaded}, ${names.join(", ") || reason}`;
}

function remedyFor(status: number, { runtime }: CudaLibrary): string {
  const oldest = OLDEST_DRIVERS[parseInt(runtime)];
  const driver = oldest ? `NVIDIA's driver ${oldest} or newer` : "NVIDIA's newest driver";
  switch (status) {
    case NO_DRIVER:
      return `install ${driver}`;
    case OLD_DRIVER:
      return `update to ${driver}`;
    case NO_DEVICE:
      return "make an NVIDIA GPU visible to this process (see CUDA_VISIBLE_DEVICES)";
    default:
      return "see what nvidia-smi says";
  }
}

function readDevice({ symbols, check }: CudaLibrary, index: number): CudaDevice {
  const name = new Uint8Array(NAME_BYTES), facts = new BigInt64Array(5);
  check(symbols.cpcdr_cuda_device(index, name, NAME_BYTES, facts));
  const [major, minor, memoryBytes, multiprocessors, bytesPerSecond] = Array.from(facts, Number);
  return {
    index,
    name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
    capability: `${major}.${minor}`,
    memoryBytes,
    multiprocessors,
    bytesPerSecond,
  };
}

function open(path: string): CudaLibrary {
  const handle = openFile(path, cudaExports);
  const { symbols } = handle;
  const abi = symbols.cpcdr_cuda_abi_version();
  if (abi !== CUDA_ABI_VERSION) {
    handle.close();
    throw new DeviceError(
      `Cannot load ${path}: expected CUDA ABI ${CUDA_ABI_VERSION}, got ${abi}; run: deno task build:native --cuda`,
    );
  }
  const runtime = symbols.cpcdr_cuda_runtime_version();
  return {
    path,
    symbols,
    runtime: `${Math.floor(runtime / 1000)}.${Math.floor(runtime % 1000 / 10)}`,
    check(status) {
      if (status === 0) return;
      throw new DeviceError(`Cannot run a CUDA kernel: ${cString(symbols.cpcdr_last_error())}`);
    },
    close: () => handle.close(),
  };
}
