/**
 * The table of tiles as the source file that the engine reads.
 *
 * @module
 */

import type { Block, Choice } from "../../lib/engine/webgpu/tiles.ts";

/** Source of lib/engine/webgpu/tile_table.ts. @param adapter What it was measured on. */
export function tableSource(choices: readonly Choice[], adapter: string): string {
  const blocks = new Map<string, Block>();
  const rows = choices.map(({ kind, rows, columns, depth, block, groups }) => {
    let number = -1;
    if (block) {
      blocks.set(JSON.stringify(block), block);
      number = [...blocks.keys()].indexOf(JSON.stringify(block));
    }
    return `  [${JSON.stringify(kind)}, ${[rows, columns, depth, number, groups].join(", ")}],`;
  });
  const entry = (block: Block) =>
    `  { ${Object.entries(block).map(([name, value]) => `${name}: ${value}`).join(", ")} },`;
  return `/**
 * Blocks of matrix products and convolutions by shape, for tiles.ts: the fastest on
 * ${adapter}, as \`deno run -A bench/tune.ts\` measured and wrote them.
 *
 * @module
 */

import type { Block, ProductKind } from "./tiles.ts";

/** What {@linkcode CHOICES} choose from. */
// deno-fmt-ignore
export const BLOCKS: readonly Block[] = [
${[...blocks.values()].map(entry).join("\n")}
];

/** Kind, rows, columns and depth; the block's number, -1 for none; workgroups wanted. */
// deno-fmt-ignore
export const CHOICES: readonly (readonly [ProductKind, number, number, number, number, number])[] = [
${rows.join("\n")}
];
`;
}
