/**
 * The blocks that are tried.
 *
 * @module
 */

import type { Block } from "../../lib/engine/webgpu/tiles.ts";

/** Workgroups for which sums are cut into parts, where a shape has fewer. */
export const GROUPS = [0, 256, 1024] as const;

/** Of each size of block, several ways to make it. */
export const CANDIDATES: readonly Block[] = [
  block(128, 128, 8, [8, 8], 8, 2),
  block(128, 128, 8, [8, 8], 16, 2),
  block(128, 128, 8, [8, 8], 8, 1, 1),
  block(128, 128, 16, [8, 8], 8, 1),
  block(128, 128, 16, [8, 8], 8, 2, 1),
  block(128, 128, 8, [16, 8], 8, 2),
  block(256, 128, 8, [16, 8], 8, 2, 1),
  block(256, 64, 8, [8, 8], 8, 2),
  block(128, 64, 8, [8, 8], 8, 2),
  block(128, 64, 16, [8, 8], 8, 1),
  block(128, 64, 16, [8, 4], 8, 2, 1),
  block(64, 128, 8, [8, 8], 8, 2),
  block(64, 64, 8, [8, 8], 8, 2),
  block(64, 64, 16, [8, 4], 8, 1),
  block(64, 64, 16, [8, 4], 8, 2),
  block(64, 64, 32, [4, 4], 8, 1),
  block(128, 32, 16, [8, 4], 8, 2),
  block(64, 32, 16, [4, 4], 8, 2),
  block(32, 32, 32, [4, 4], 8, 1),
  block(128, 16, 16, [8, 4], 4, 2),
];

function block(
  rows: number,
  columns: number,
  depth: number,
  [tileRows, tileColumns]: readonly [number, number],
  lanes: number,
  buffers: 1 | 2,
  pad: 0 | 1 = 0,
): Block {
  return { rows, columns, depth, tileRows, tileColumns, lanes, buffers, pad };
}

/** A block in few words: 128x128x8 in 8x8, 8 lanes, 2 buffers, padded. */
export function nameOf(b: Block | undefined): string {
  if (!b) return "registers";
  const { rows, columns, depth, tileRows, tileColumns, lanes, buffers, pad } = b;
  return `${rows}x${columns}x${depth}/${tileRows}x${tileColumns} l${lanes} b${buffers}${
    pad ? " pad" : ""
  }`;
}
