/**
 * The forms in which the engine makes products of matrices: by registers alone, and by blocks of several
 * kinds, which a software adapter would not choose by itself.
 *
 * @module
 */
import {
  type Block,
  type Choice,
  type ProductKind,
  type Tiles,
  tilesOf,
} from "../../../lib/engine/webgpu/tiles.ts";

const KINDS: readonly ProductKind[] = ["product", "forward", "inputGradient", "filterGradient"];

/** Tiles that take one block for every shape. @param groups Workgroups for which sums are cut. */
export function tilesWith(block: Block, groups: number): Tiles {
  const choices = KINDS.map((kind): Choice => (
    { kind, rows: 1, columns: 1, depth: 1, block, groups }
  ));
  return { ...tilesOf.gpu, choices };
}

/** Of few invocations, for what little a software adapter can try. */
export const smallBlock: Block = {
  rows: 16,
  columns: 16,
  depth: 4,
  tileRows: 4,
  tileColumns: 4,
  lanes: 8,
  buffers: 1,
  pad: 1,
};

/** Name and tiles; none are those of the adapter's class. */
export const FORMS: readonly (readonly [string, Tiles | undefined])[] = [
  ["by registers", undefined],
  // Fewer vectors of B than invocations; sums in parts.
  ["by tall blocks", tilesWith({ ...smallBlock, rows: 64, lanes: 4 }, 1000)],
  // Tiles that are not square, two buffers, patches of 8 x 4 invocations.
  [
    "by wide blocks",
    tilesWith({ ...smallBlock, rows: 32, columns: 64, tileRows: 8, buffers: 2, pad: 0 }, 1000),
  ],
  ["by deep blocks", tilesWith({ ...smallBlock, depth: 16 }, 0)],
];
