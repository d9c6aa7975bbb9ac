/**
 * Blocks of matrix products and convolutions by shape, for tiles.ts. A guess that nothing has measured;
 * `deno run -A bench/tune.ts` measures on a GPU and writes this file.
 *
 * @module
 */

import type { Block, ProductKind } from "./tiles.ts";

/** What {@linkcode CHOICES} choose from. */
export const BLOCKS: readonly Block[] = [
  { rows: 128, columns: 128, depth: 8, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 2, pad: 0 },
  { rows: 128, columns: 64, depth: 16, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 1, pad: 0 },
  { rows: 64, columns: 64, depth: 16, tileRows: 8, tileColumns: 4, lanes: 8, buffers: 1, pad: 0 },
  { rows: 64, columns: 32, depth: 16, tileRows: 4, tileColumns: 4, lanes: 8, buffers: 1, pad: 0 },
];

/** Kind, rows, columns and depth; the block's number, -1 for none; workgroups wanted. */
export const CHOICES: readonly (readonly [ProductKind, number, number, number, number, number])[] =
  (["product", "forward", "inputGradient", "filterGradient"] as const).flatMap((kind) =>
    [
      [kind, 8, 8, 8, -1, 0],
      [kind, 65536, 2, 64, -1, 0],
      [kind, 65536, 16, 256, 3, 512],
      [kind, 65536, 64, 576, 1, 512],
      [kind, 65536, 256, 1024, 0, 512],
      [kind, 1024, 64, 1024, 2, 512],
      [kind, 1024, 512, 1024, 2, 512],
      [kind, 4096, 4096, 4096, 0, 0],
      [kind, 64, 64, 64, 3, 0],
      [kind, 64, 64, 16384, 2, 512],
      [kind, 512, 64, 65536, 1, 512],
    ] as const
  );
