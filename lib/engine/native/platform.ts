/**
 * What this machine is called, what its libraries are, and how one is opened.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";

/** Which of the libraries. */
export type LibraryKind = "cpu" | "cuda";

/** This machine's, `<os>-<arch>` as Deno names them. */
export const PLATFORM = `${Deno.build.os}-${Deno.build.arch}`;

/** The file name of a platform's library, as its system has them. */
export function libraryName(kind: LibraryKind, platform: string = PLATFORM): string {
  if (platform.startsWith("windows-")) return `cpcdr_${kind}.dll`;
  return `libcpcdr_${kind}.${platform.startsWith("darwin-") ? "dylib" : "so"}`;
}

/**
 * Opens a library.
 *
 * @throws {DeviceError} where it cannot be opened; what some systems say does not name the file.
 */
export function openFile<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(path, symbols);
  } catch (error) {
    if (!(error instanceof Error) || error.message.includes(path)) throw error;
    throw new DeviceError(`Cannot load ${path}: ${error.message.trim().replace(/\.$/, "")}`);
  }
}
