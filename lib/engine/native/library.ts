/**
 * Finds and opens the native CPU library. A library that is absent, damaged or refused is a value with
 * a reason, so that the caller can go on with another engine and say why.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { openFile } from "./platform.ts";
import { fetchLibrary, namedLibrary, shippedLibrary } from "./shipped.ts";
import { ABI_VERSION, type Symbols, symbolTable } from "./symbols.ts";

/** The opened library. */
export interface NativeLibrary {
  /** The file. */
  readonly path: string;
  /**
   * Its functions, by the names of native/include/.
   *
   * @internal
   */
  readonly symbols: Symbols;
  /** Instruction set in use: `baseline`, `avx2` or `avx512`; `neon` on ARM. */
  readonly isa: string;
  /** Whether the processor multiplies bfloat16, for precision `mixed`. */
  readonly bfloat16: boolean;
  /** Sets the number of threads (below 1: `CPCDR_THREADS`, or one for each processor) and answers it. */
  setThreads(count: number): number;
  /**
   * Turns a status that a kernel answered into an error.
   *
   * @throws {DeviceError} with the library's own message when a status is not 0.
   */
  check(status: number): void;
  /** Unloads it; nothing of it may be called any more. */
  close(): void;
}

/** What {@linkcode openLibrary} found. */
export type LibraryProbe =
  | { readonly library: NativeLibrary }
  | { readonly library?: undefined; readonly reason: string };

/** Opens the library at `CPCDR_LIBRARY`, else the one that ships for this platform. */
export function openLibrary(): LibraryProbe {
  try {
    return { library: open(namedLibrary("cpu") ?? shippedLibrary()) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message.split("\n")[0] : String(error) };
  }
}

let shared: LibraryProbe | undefined;

/**
 * The library for kernels that work on plain arrays, outside any tensor engine; opened at the first use
 * and kept, as the system keeps a library open once for the whole process.
 */
export function sharedLibrary(): NativeLibrary | undefined {
  shared ??= openLibrary();
  return shared.library;
}

/**
 * Fetches the library where this module was imported over the network; opening it takes no time after that, and
 * needs no network ever again.
 *
 * @returns why it cannot be had, in one line; undefined where nothing went wrong.
 */
export async function provideLibrary(): Promise<string | undefined> {
  const problem = await fetchLibrary();
  // It may have been looked for before it was there.
  if (!shared?.library) shared = undefined;
  return problem;
}

function open(path: string): NativeLibrary {
  const handle = openFile(path, symbolTable);
  const { symbols } = handle;
  const abi = symbols.cpcdr_abi_version();
  if (abi !== ABI_VERSION) {
    handle.close();
    throw new DeviceError(
      `Cannot load ${path}: expected ABI ${ABI_VERSION}, got ${abi}; run: deno task build:native`,
    );
  }
  symbols.cpcdr_set_processors(navigator.hardwareConcurrency);
  return {
    path,
    symbols,
    isa: cString(symbols.cpcdr_isa()),
    bfloat16: symbols.cpcdr_bfloat16() === 1,
    setThreads: (count) => symbols.cpcdr_set_threads(count),
    check(status) {
      if (status === 0) return;
      throw new DeviceError(`Cannot run a native kernel: ${cString(symbols.cpcdr_last_error())}`);
    },
    close: () => handle.close(),
  };
}

/** What a C string says, "" for null. */
export function cString(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : new Deno.UnsafePointerView(pointer).getCString();
}
