/**
 * The table of tiles as the source file that the engine reads.
 *
 * @module
 */

import type { Block, Choice, WinogradSizes } from "../../lib/engine/webgpu/tiles.ts";

/** Source of lib/engine/webgpu/tile_table.ts. @param adapter What it was measured on. */
export function tableSource(
  choices: readonly Choice[],
  winograd: WinogradSizes | undefined,
  adapter: string,
): string {
  const blocks = new Map<string, Block>();
  const rows = choices.map(({ kind, rows, columns, depth, block, groups }) => {
    let number = -1;
    if (block) {
      blocks.set(JSON.stringify(block), block);
      number = [...blocks.keys()].indexOf(JSON.stringify(block));
    }
    return `  [${JSON.stringify(kind)}, ${[rows, columns, depth, number, groups].join(", ")}],`;
  });
  const entry = (numbers: object) =>
    `{ ${Object.entries(numbers).map(([name, value]) => `${name}: ${value}`).join(", ")} }`;
  return `/**
 * Blocks of matrix products and convolutions by shape, for tiles.ts: the fastest on
 * ${adapter}, as \`deno run -A bench/tune.ts\` measured and wrote them.
 *
 * @module
 */

import type { Block, ProductKind, WinogradSizes } from "./tile_choice.ts";

/** What {@linkcode CHOICES} choose from. */
// deno-fmt-ignore
export const BLOCKS: readonly Block[] = [
${[...blocks.values()].map((block) => `  ${entry(block)},`).join("\n")}
];

/** Kind, rows, columns and depth; the block's number, -1 for none; workgroups wanted. */
// deno-fmt-ignore
export const CHOICES: readonly (readonly [ProductKind, number, number, number, number, number])[] = [
${rows.join("\n")}
];

/** From which sizes on 3 x 3 convolutions go by Winograd's tiles; undefined where that was not timed, or never pays. */
// deno-fmt-ignore
export const WINOGRAD: WinogradSizes | undefined = ${winograd ? entry(winograd) : "undefined"};
`;
}
