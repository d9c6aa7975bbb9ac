/**
 * Blocks of matrix products and convolutions by shape, for tiles.ts: the fastest on
 * NVIDIA H200, as `deno run -A bench/tune.ts` measured and wrote them.
 *
 * @module
 */

import type { Block, ProductKind, WinogradSizes } from "./tile_choice.ts";

/** What {@linkcode CHOICES} choose from. */
// deno-fmt-ignore
export const BLOCKS: readonly Block[] = [
  { rows: 128, columns: 16, depth: 16, tileRows: 8, tileColumns: 4, lanes: 4, buffers: 2, pad: 0 },
  { rows: 32, columns: 32, depth: 32, tileRows: 4, tileColumns: 4, lanes: 8, buffers: 1, pad: 0 },
  { rows: 64, columns: 32, depth: 16, tileRows: 4, tileColumns: 4, lanes: 8, buffers: 2, pad: 0 },
  { rows: 128, columns: 64, depth: 8, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 2, pad: 0 },
  { rows: 64, columns: 64, depth: 16, tileRows: 8, tileColumns: 4, lanes: 8, buffers: 1, pad: 0 },
  { rows: 128, columns: 64, depth: 16, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 1, pad: 0 },
  { rows: 128, columns: 128, depth: 16, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 2, pad: 1 },
  { rows: 128, columns: 128, depth: 16, tileRows: 8, tileColumns: 8, lanes: 8, buffers: 1, pad: 0 },
];

/** Kind, rows, columns and depth; the block's number, -1 for none; workgroups wanted. */
// deno-fmt-ignore
export const CHOICES: readonly (readonly [ProductKind, number, number, number, number, number])[] = [
  ["filterGradient", 72, 8, 32768, 0, 256],
  ["filterGradient", 147, 16, 24576, 0, 256],
  ["filterGradient", 147, 64, 294912, 1, 1024],
  ["filterGradient", 256, 512, 1152, 2, 256],
  ["filterGradient", 576, 64, 384, 3, 0],
  ["filterGradient", 1152, 32, 221184, 2, 1024],
  ["filterGradient", 1152, 128, 1152, 1, 1024],
  ["filterGradient", 1152, 128, 73728, 2, 1024],
  ["filterGradient", 2304, 128, 4608, 4, 1024],
  ["filterGradient", 2304, 128, 73728, 2, 1024],
  ["filterGradient", 2304, 256, 294912, 2, 1024],
  ["filterGradient", 4608, 512, 1152, 4, 0],
  ["filterGradient", 4608, 512, 4608, 5, 1024],
  ["forward", 384, 64, 576, 2, 256],
  ["forward", 1152, 128, 1152, 2, 256],
  ["forward", 1152, 512, 256, 2, 0],
  ["forward", 1152, 512, 4608, 4, 1024],
  ["forward", 4608, 128, 2304, 4, 1024],
  ["forward", 4608, 512, 4608, 5, 1024],
  ["forward", 24576, 16, 147, 0, 0],
  ["forward", 32768, 8, 72, 0, 0],
  ["forward", 73728, 128, 1152, 5, 0],
  ["forward", 73728, 128, 2304, 5, 0],
  ["forward", 221184, 32, 1152, 2, 0],
  ["forward", 294912, 64, 147, 3, 0],
  ["forward", 294912, 256, 2304, 5, 0],
  ["inputGradient", 384, 64, 576, 2, 256],
  ["inputGradient", 1152, 128, 1152, 2, 256],
  ["inputGradient", 1152, 256, 512, 2, 0],
  ["inputGradient", 1152, 512, 4608, 3, 1024],
  ["inputGradient", 4608, 256, 1152, 4, 1024],
  ["inputGradient", 4608, 512, 2048, 6, 0],
  ["inputGradient", 24576, 3, 256, 0, 0],
  ["inputGradient", 32768, 8, 72, 0, 0],
  ["inputGradient", 73728, 128, 512, 3, 0],
  ["inputGradient", 73728, 256, 1152, 7, 0],
  ["inputGradient", 221184, 128, 288, 4, 0],
  ["inputGradient", 294912, 3, 1024, 0, 0],
  ["inputGradient", 294912, 256, 2304, 7, 0],
  ["product", 4, 1024, 1024, -1, 0],
  ["product", 16, 16, 16, -1, 0],
  ["product", 16, 16, 65536, -1, 0],
  ["product", 64, 64, 64, 2, 0],
  ["product", 64, 64, 294912, 2, 256],
  ["product", 64, 1024, 1024, 2, 256],
  ["product", 128, 512, 73728, 2, 1024],
  ["product", 256, 256, 256, 2, 256],
  ["product", 512, 256, 73728, 2, 1024],
  ["product", 512, 512, 512, 2, 0],
  ["product", 512, 2048, 4608, 5, 256],
  ["product", 1000, 128, 65536, 2, 1024],
  ["product", 1024, 1024, 1024, 5, 0],
  ["product", 2048, 2048, 2048, 7, 0],
  ["product", 4096, 4096, 4096, 5, 0],
  ["product", 4608, 512, 2048, 5, 0],
  ["product", 4608, 2048, 512, 5, 0],
  ["product", 65536, 4, 64, 0, 0],
  ["product", 65536, 16, 16, 0, 0],
  ["product", 65536, 128, 1000, 5, 0],
  ["product", 65536, 1000, 128, 5, 0],
  ["product", 73728, 128, 512, 5, 0],
  ["product", 73728, 256, 512, 5, 0],
  ["product", 73728, 512, 128, 5, 0],
  ["product", 73728, 512, 256, 5, 0],
  ["product", 294912, 64, 64, 3, 0],
];

/** From which sizes on 3 x 3 convolutions go by Winograd's tiles; undefined where that was not timed, or never pays. */
// deno-fmt-ignore
export const WINOGRAD: WinogradSizes | undefined = undefined;
