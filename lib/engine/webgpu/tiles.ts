/**
 * How much work one invocation and one workgroup get, by what the adapter is.
 *
 * @module
 */

import type { AdapterClass } from "./adapter.ts";

/** The sizes that kernels are built for. */
export interface Tiles {
  /** Invocations of a workgroup that walks a flat array. */
  readonly flat: number;
  /** Invocations (columns, rows) of a workgroup that makes a matrix. */
  readonly matrix: readonly [number, number];
  /** Invocations that keep the adapter busy: sums are cut into parts until there are as many. */
  readonly busy: number;
}

/**
 * A software adapter runs eight invocations at a time on a few threads, and pays for every workgroup; a
 * GPU wants many small ones.
 */
export const tilesOf: Readonly<Record<AdapterClass, Tiles>> = {
  software: { flat: 256, matrix: [8, 4], busy: 256 },
  gpu: { flat: 64, matrix: [8, 8], busy: 16384 },
};
