/**
 * The hot kernels on plain arrays, and which library runs them: the CPU library, unless a caller of
 * `useDevice` asked for CUDA.
 *
 * @module
 */

import { sharedLibrary } from "./library.ts";
import type { Symbols } from "./symbols.ts";

/** Kernels that the CPU and the CUDA library both have: native/include/cpcdr_hot.h. */
export const HOT_KERNELS = [
  "cpcdr_label",
  "cpcdr_label_surfaces",
  "cpcdr_label_statistics",
  "cpcdr_composite",
  "cpcdr_similarity",
  "cpcdr_prototype_loss",
] as const;

/** The hot kernels on arrays of the process, wherever they compute. */
export interface HotLibrary {
  /**
   * The kernels, by the names of native/include/cpcdr_hot.h. The CPU library alone has
   * `cpcdr_label_bytes`; bytes are labelled as floats elsewhere.
   *
   * @internal
   */
  readonly symbols:
    & Pick<Symbols, typeof HOT_KERNELS[number]>
    & Partial<Pick<Symbols, "cpcdr_label_bytes">>;
  /**
   * Turns a status that a kernel answered into an error.
   *
   * @throws {DeviceError} with the library's own message when a status is not 0.
   */
  check(status: number): void;
}

let preferred: HotLibrary | undefined;

/** Makes `library` run the hot kernels from here on; undefined: the CPU library again. */
export function preferHotLibrary(library: HotLibrary | undefined): void {
  preferred = library;
}

/** What runs the hot kernels where a caller names no library; undefined: plain TypeScript. */
export function hotLibrary(): HotLibrary | undefined {
  return preferred ?? sharedLibrary();
}
