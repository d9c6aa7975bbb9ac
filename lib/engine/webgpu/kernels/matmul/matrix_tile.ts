/**
 * The part of a product of matrices that one invocation makes: the text that matrix products and all
 * three convolutions share.
 *
 * @module
 */

import { type Extent, WORKGROUPS_PER_DIMENSION } from "../../program.ts";
import { IS_NAN } from "../../math.ts";
import type { Tiles } from "../../tiles.ts";

/** Rows and columns of the part; columns are 1 or a multiple of 4, rows a multiple of 4 or 1. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

/** Text for each of 0 .. count-1. */
export function each(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join("\n");
}

/** Vectors of columns in a tile. */
export function vectors({ columns }: Tile): number {
  return Math.ceil(columns / 4);
}

/** The sums `c<row>_<vector>`, 0 at first. A tile of one column keeps plain numbers. */
export function declareSums(tile: Tile): string {
  const type = tile.columns === 1 ? "f32" : "vec4<f32>";
  return each(tile.rows, (row) => each(vectors(tile), (v) => `var c${row}_${v} = ${type}();`));
}

/**
 * Adds a column of A, `a<row>` for each row given by `a`, times a row of B, given by `b` for each vector
 * (or the one number).
 */
export function addProducts(
  tile: Tile,
  a: (row: number) => string,
  b: (vector: number) => string,
): string {
  return each(
    tile.rows,
    (row) => each(vectors(tile), (v) => `c${row}_${v} += ${a(row)} * ${b(v)};`),
  );
}

/**
 * The same by one rounding each; a GPU takes one instruction for it, a software adapter may take many.
 *
 * @param half In float16, to the sums of {@linkcode declareHalfSums}.
 */
export function addProductsFused(
  tile: Tile,
  a: (row: number) => string,
  b: (vector: number) => string,
  half = false,
): string {
  const [sums, type] = half ? ["h", "f16"] : ["c", "f32"];
  return each(tile.rows, (row) =>
    each(vectors(tile), (v) => {
      const sum = `${sums}${row}_${v}`;
      return `${sum} = fma(vec4<${type}>(${a(row)}), ${b(v)}, ${sum});`;
    }));
}

/** Sums `h<row>_<vector>` of a few steps in float16, 0 at first. */
export function declareHalfSums(tile: Tile): string {
  return eachSum(tile, (at) => `var h${at} = vec4<f16>();`);
}

/** Adds them to the sums. */
export function addHalfSums(tile: Tile): string {
  return eachSum(tile, (at) => `c${at} += vec4<f32>(h${at});`);
}

/** Multiplies the sums. */
export function scaleSums(tile: Tile, factor: string): string {
  return eachSum(tile, (at) => `c${at} = c${at} * ${factor};`);
}

function eachSum(tile: Tile, text: (at: string) => string): string {
  return each(tile.rows, (row) => each(vectors(tile), (v) => text(`${row}_${v}`)));
}

/** Which tile fits a matrix: small ones waste less, large ones read less. */
export function tileFor(rows: number, columns: number): Tile {
  if (columns === 1) return { rows: rows === 1 ? 1 : 4, columns: 1 };
  return { rows: rows === 1 ? 1 : rows <= 4 ? 4 : 8, columns: columns <= 4 ? 4 : 8 };
}

/** A variant of a kernel that makes a matrix tile by tile: the tile and the workgroup. */
export interface TileVariant extends Tile {
  readonly [key: string]: number | boolean;
  /** Whether rows of the operands are whole vectors of four. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  /** Invocations of a workgroup along columns and rows. */
  readonly width: number;
  readonly height: number;
}

/**
 * The entry point: `row` and `column` are the tile's first, of a matrix of the uniforms `rows` by
 * `columns`; `layer` tells the matrices of a stack apart. Where there are more tiles than workgroups can
 * be in one direction, an invocation makes several.
 */
export function matrixMain(v: TileVariant, body: string): string {
  return `
@compute @workgroup_size(${v.width}, ${v.height})
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
) {
  let column = id.x * ${v.columns}u;
  let layer = id.z;
  if (column >= u.columns) { return; }
  for (var row = id.y * ${v.rows}u; row < u.rows; row += workgroups.y * ${v.height * v.rows}u) {
    ${body}
  }
}`;
}

/** Workgroups of {@linkcode matrixMain}. */
export function matrixGroups(
  tile: Tile,
  { matrix: [width, height] }: Tiles,
  rows: number,
  columns: number,
  layers: number,
): Extent {
  return [
    Math.ceil(columns / (tile.columns * width)),
    Math.min(Math.ceil(rows / (tile.rows * height)), WORKGROUPS_PER_DIMENSION),
    layers,
  ];
}

/** Loop iterations of an invocation of {@linkcode matrixMain} whose body takes `each`. */
export function matrixIterations(
  tile: Tile,
  { matrix: [, height] }: Tiles,
  rows: number,
  each: number,
): number {
  return Math.ceil(rows / (tile.rows * height * WORKGROUPS_PER_DIMENSION)) * (1 + each);
}

/** Stores row i of the tile into the matrix `c` that begins at `base`; vectors where `vectorB`. */
export function storeRow(v: TileVariant, i: number, base: string): string {
  const at = `${base} + (row + ${i}u) * u.columns + column`;
  const store = v.columns === 1
    ? `c[${at}] = c${i}_0;`
    : each(vectors(v), (w) =>
      v.vectorB
        ? `if (column + ${4 * w}u < u.columns) { c[(${at}) / 4 + ${w}u] = c${i}_${w}; }`
        : each(4, (j) => {
          const n = 4 * w + j;
          return `if (column + ${n}u < u.columns) { c[${at} + ${n}u] = c${i}_${w}[${j}]; }`;
        }));
  return `if (row + ${i}u < u.rows) { ${store} }`;
}

/** The activations that matrix products and convolutions apply on the way out. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  linear: "x",
  relu: "select(max(x, 0), x, is_nan(x))",
  relu6: "select(min(max(x, 0), 6), x, is_nan(x))",
  elu: "select(x, exp(x) - 1, x < 0)",
  sigmoid: "1 / (1 + exp(-x))",
  leakyrelu: "select(x, u.alpha * x, x < 0)",
};

/** Whether {@linkcode activation} knows it; prelu has an operand of its own and is not here. */
export function isActivation(name: string): boolean {
  return name in ACTIVATIONS;
}

/** WGSL function `activate`, of the uniform `alpha`. */
export function activation(name: string): string {
  return `${IS_NAN}\nfn activate(x: f32) -> f32 { return ${ACTIVATIONS[name]}; }`;
}
