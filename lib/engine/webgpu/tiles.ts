/**
 * How much work one invocation and one workgroup get, by what the adapter is.
 *
 * @module
 */

import type { AdapterClass } from "./adapter.ts";
import type { Block, Choice, ProductKind, WinogradSizes } from "./tile_choice.ts";
import { BLOCKS, CHOICES, WINOGRAD } from "./tile_table.ts";

export type { Block, Choice, ProductKind, WinogradSizes };

/** The sizes that kernels are built for. */
export interface Tiles {
  /** Invocations of a workgroup that walks a flat array. */
  readonly flat: number;
  /** Invocations (columns, rows) of a workgroup that makes a matrix without memory of its own. */
  readonly matrix: readonly [number, number];
  /** Invocations, a power of two, that go along a row of a matrix together; of a workgroup a whole share. */
  readonly row: number;
  /** Parameters that one kernel updates, where the device takes as many bindings. */
  readonly parameters: number;
  /** Invocations that keep the adapter busy: sums are cut into parts until there are as many. */
  readonly busy: number;
  /** Of the shapes that were timed; none where blocks do not pay. */
  readonly choices: readonly Choice[];
  /** Which 3 x 3 convolutions go by Winograd's tiles; none where that was not timed. */
  readonly winograd: WinogradSizes | undefined;
}

/**
 * A software adapter runs eight invocations at a time on a few threads, and pays for every workgroup; its
 * workgroups' memory is no faster than any other. It runs every branch for whoever takes one, so that updates of
 * several parameters take twice as long as one by one (9 to 20 ms for 61). A GPU wants many small workgroups, what
 * it reads shared, and few kernels; how many parameters are best was not measured on one.
 */
export const tilesOf: Readonly<Record<AdapterClass, Tiles>> = {
  software: {
    flat: 256,
    matrix: [8, 4],
    row: 1,
    parameters: 1,
    busy: 256,
    choices: [],
    winograd: { channels: 8, tiles: 32, bytes: 1 << 24 },
  },
  gpu: {
    flat: 64,
    matrix: [8, 8],
    row: 32,
    parameters: 8,
    busy: 16384,
    choices: CHOICES.map(([kind, rows, columns, depth, block, groups]) => (
      { kind, rows, columns, depth, block: BLOCKS[block], groups }
    )),
    winograd: WINOGRAD,
  },
};

/** Invocations of a workgroup that makes a block. */
export function invocationsOf({ rows, columns, tileRows, tileColumns }: Block): number {
  return rows / tileRows * (columns / tileColumns);
}

/** Bytes of the memory of a workgroup that makes a block. */
export function memoryOf({ rows, columns, depth, buffers, pad }: Block): number {
  return (rows / 4 + columns / 4 + 2 * pad) * 16 * depth * buffers;
}

/** The tiles without what a device has no room for. */
export function fitting(
  tiles: Tiles,
  limits: Pick<
    GPUSupportedLimits,
    "maxComputeWorkgroupStorageSize" | "maxComputeInvocationsPerWorkgroup"
  >,
): Tiles {
  const fits = (block: Block) =>
    memoryOf(block) <= limits.maxComputeWorkgroupStorageSize &&
    invocationsOf(block) <= limits.maxComputeInvocationsPerWorkgroup;
  return { ...tiles, choices: tiles.choices.filter(({ block }) => !block || fits(block)) };
}

/** What was the fastest for the shape most like this one: the factors between them are the smallest. */
export function nearestChoice(
  { choices }: Tiles,
  kind: ProductKind,
  [rows, columns, depth]: readonly [number, number, number],
): Choice | undefined {
  // A single row or column has nothing to share, and sums of nothing read nothing.
  if (rows <= 1 || columns <= 1 || depth === 0) return undefined;
  let nearest: Choice | undefined, least = Infinity;
  for (const choice of choices) {
    if (choice.kind !== kind) continue;
    const distance = factor(rows, choice.rows) * factor(columns, choice.columns) *
      factor(depth, choice.depth);
    if (distance < least) [nearest, least] = [choice, distance];
  }
  return nearest;
}

function factor(a: number, b: number): number {
  return a > b ? a / b : b / a;
}
