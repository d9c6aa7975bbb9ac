/**
 * What the table of tiles says of a shape.
 *
 * @module
 */

/** What a product of matrices is for; each kind reads its operands in its own way. */
export type ProductKind = "product" | "forward" | "inputGradient" | "filterGradient";

/**
 * How a workgroup makes a block of a matrix by way of its memory. Sizes are powers of two, those of tiles
 * at least 4.
 */
export interface Block {
  /** Rows and columns of the result that a workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  /** Steps along K that lie in the workgroup's memory at a time. */
  readonly depth: number;
  /** Rows and columns that one invocation makes. */
  readonly tileRows: number;
  readonly tileColumns: number;
  /** Of 32 neighbouring invocations, how many lie side by side; the others lie below. */
  readonly lanes: number;
  /** 2 where the next steps are written beside those in use, at one barrier instead of two. */
  readonly buffers: 1 | 2;
  /** 1 where rows in the workgroup's memory end in a vector that keeps writes in different banks. */
  readonly pad: 0 | 1;
}

/** What was the fastest for a matrix `rows x columns` whose sums have `depth` terms. */
export interface Choice {
  readonly kind: ProductKind;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Absent where every invocation had better read for itself. */
  readonly block: Block | undefined;
  /** Workgroups for which sums are cut into parts; 0 leaves them whole. */
  readonly groups: number;
}

/** From which sizes on Winograd's tiles save more than making them takes. */
export interface WinogradSizes {
  /** Of the input and of the output. */
  readonly channels: number;
  /** Tiles of 2 x 2 outputs, in all images. */
  readonly tiles: number;
  /** Bytes of the points of the images of one round, of the input and of the output each; at least one image. */
  readonly bytes: number;
}
