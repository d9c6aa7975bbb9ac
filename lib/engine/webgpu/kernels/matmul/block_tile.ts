/**
 * The block of a matrix that one workgroup makes by way of its memory: the text that matrix products and
 * all three convolutions share. Each says how its operands are read and its rows are written.
 *
 * @module
 */

import type { WebGpuBackend } from "../../backend.ts";
import { type Extent, type Scalar, type Variant, WORKGROUPS_PER_DIMENSION } from "../../program.ts";
import { type Block, invocationsOf, nearestChoice, type ProductKind } from "../../tiles.ts";
import type { Operand, OperandName as Name } from "./block_operands.ts";
import {
  addHalfSums,
  addProductsFused,
  declareHalfSums,
  declareSums,
  each,
  scaleSums,
  vectors,
} from "./matrix_tile.ts";

/** A block and in how many parts the sums are cut. */
export interface BlockPlan {
  readonly block: Block;
  readonly parts: number;
  /** Steps along K of a part, whole ones of the block. */
  readonly part: number;
}

/** Steps along K that are worth a part of their own. */
const SHORTEST_PART = 128;

/**
 * The block that suits a shape, or none where every invocation had better read for itself.
 *
 * @param layers Matrices of that shape.
 */
export function planBlock(
  { tiles }: WebGpuBackend,
  kind: ProductKind,
  [rows, columns, depth]: readonly [number, number, number],
  layers: number,
): BlockPlan | undefined {
  const choice = nearestChoice(tiles, kind, [rows, columns, depth]);
  if (!choice?.block) return undefined;
  const { block, groups } = choice;
  const blocks = layers * Math.ceil(rows / block.rows) * Math.ceil(columns / block.columns);
  const wanted = Math.min(Math.ceil(groups / blocks), Math.floor(depth / SHORTEST_PART));
  const part = Math.ceil(depth / Math.max(1, wanted) / block.depth) * block.depth;
  return { block, part, parts: Math.max(1, Math.ceil(depth / part)) };
}

/** A block and how its operands and its result are read and written. */
export type BlockVariant = Variant & Block & {
  /** Whether what is read or written side by side are whole vectors of four. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorC: boolean;
  /**
   * Whether factors lie in the workgroup's memory as float16, scaled by the buffers `scale_a` and `scale_b`
   * (factor_scale.ts). Products of {@linkcode Block.depth} steps are then added up in float16 too, and those sums in float32.
   */
  readonly half: boolean;
};

/** Names and types of the buffers `a` and `b`, and of their scales, that {@linkcode blockMain} reads. */
export function blockReads({ vectorA, vectorB, half }: BlockVariant): Record<string, string> {
  const type = (vector: boolean) => vector ? "vec4<f32>" : "f32";
  const operands = { a: type(vectorA), b: type(vectorB) };
  return half ? { ...operands, scale_a: "f32", scale_b: "f32" } : operands;
}

/** Uniforms of {@linkcode blockMain}. */
export const BLOCK_UNIFORMS: Readonly<Record<string, Scalar>> = {
  rows: "u32",
  columns: "u32",
  across: "u32",
  down: "u32",
  layers: "u32",
};

/** Their values. */
export function blockUniforms(
  block: Block,
  rows: number,
  columns: number,
  layers: number,
): Record<string, number> {
  const across = Math.ceil(columns / block.columns), down = Math.ceil(rows / block.rows);
  return { rows, columns, across, down, layers };
}

/** Workgroups, in two directions where one cannot hold them. */
export function blockGroups(block: Block, rows: number, columns: number, layers: number): Extent {
  const count = Math.ceil(rows / block.rows) * Math.ceil(columns / block.columns) * layers;
  const lines = Math.ceil(count / WORKGROUPS_PER_DIMENSION);
  return count === 0 ? [0, 0, 0] : [Math.ceil(count / lines), lines, 1];
}

/** What {@linkcode blockMain} needs of a kernel. */
export interface BlockBody {
  /** Of the `layer`, the same for a whole workgroup: declares `begin` and `end`, u32, of K. */
  readonly layer: string;
  readonly a: Operand;
  readonly b: Operand;
  /** Declares `to`, where in `c` the row `row` begins, around the text that stores it. */
  row(store: string): string;
}

/**
 * Memory of the workgroup and the entry point. While the block's products are added up, the next steps
 * along K are on their way from global memory. Arrays are nested, so that only the inner index varies: checks
 * of its bounds are then made once, before the loop. `block_row` and `block_column` are the block's first.
 */
export function blockMain(v: BlockVariant, { layer, a, b, row }: BlockBody): string {
  const size = invocationsOf(v);
  const read = (next: string) =>
    readSide(v, "a", a, next) + readSide(v, "b", b, next) + advanceSide(v, "a", a) +
    advanceSide(v, "b", b);
  const write = writeSide(v, "a", a) + "\n" + writeSide(v, "b", b);
  const stage = v.buffers === 2;
  const tile = { rows: v.tileRows, columns: v.tileColumns };
  return `
${declareSide(v, "a", v.rows)}
${declareSide(v, "b", v.columns)}
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let index = group.y * workgroups.x + group.x;
  let blocks = u.across * u.down;
  if (index >= blocks * u.layers) { return; }
  let layer = index / blocks;
  let block_row = index % blocks / u.across * ${v.rows}u;
  let block_column = index % u.across * ${v.columns}u;
  ${layer}
  ${placeOfTile(v)}
  ${lines(v, "a", a)}
  ${lines(v, "b", b)}
  ${startSide(v, "a", a)}
  ${startSide(v, "b", b)}
  ${declareSums(tile)}
  ${v.half ? "let to_a = scale_a[0];\n  let to_b = scale_b[0];" : ""}
  ${each(readsOf(v, "a"), (i) => `var read_a${i} = vec4<f32>();`)}
  ${each(readsOf(v, "b"), (i) => `var read_b${i} = vec4<f32>();`)}
  ${stage ? "var stage = 0u;" : ""}
  { let next = begin; ${read("next")} }
  ${write}
  workgroupBarrier();
  for (var at = begin; at < end; at += ${v.depth}u) {
    { let next = at + ${v.depth}u; ${read("next")} }
    ${v.half ? declareHalfSums(tile) : ""}
    ${each(v.depth, (k) => `{ ${products(v, k)} }`)}
    ${v.half ? addHalfSums(tile) : ""}
    ${stage ? "stage = 1u - stage;" : "workgroupBarrier();"}
    ${write}
    workgroupBarrier();
  }
  ${v.half ? scaleSums(tile, "scale_a[1] * scale_b[1]") : ""}
  ${each(v.tileRows, (i) => storeRow(v, i, row))}
}`;
}

/** Lines of an operand in a block. */
function linesOf(v: BlockVariant, name: Name): number {
  return name === "a" ? v.rows : v.columns;
}

/** Vectors that an invocation reads of an operand for {@linkcode Block.depth} steps. */
function readsOf(v: BlockVariant, name: Name): number {
  return Math.ceil(linesOf(v, name) * v.depth / 4 / invocationsOf(v));
}

function declareSide(v: BlockVariant, name: Name, lines: number): string {
  const rows = `array<array<vec4<${v.half ? "f16" : "f32"}>, ${lines / 4 + v.pad}>, ${v.depth}>`;
  return `var<workgroup> tile_${name}: ${v.buffers === 2 ? `array<${rows}, 2>` : rows};`;
}

/** Which of the block's tiles is this invocation's; neighbours share rows and columns. */
function placeOfTile(v: BlockVariant): string {
  const width = v.columns / v.tileColumns, height = v.rows / v.tileRows;
  const below = 32 / v.lanes;
  if (width % v.lanes !== 0 || height % below !== 0) {
    return `let tx = local % ${width}u;\n  let ty = local / ${width}u;`;
  }
  const patches = width / v.lanes;
  return `let tx = local / 32 % ${patches}u * ${v.lanes}u + local % ${v.lanes}u;
  let ty = local / ${32 * patches}u * ${below}u + local / ${v.lanes}u % ${below}u;`;
}

/** Where an invocation's vectors lie in the block, and what stays of them for all of K. */
function lines(v: BlockVariant, name: Name, { along, line }: Operand): string {
  const size = invocationsOf(v), count = linesOf(v, name);
  const first = name === "a" ? "block_row" : "block_column";
  // Of vectors along K, neighbours read what follows; of those across, the next four lines.
  const side = along ? v.depth / 4 : count / 4;
  const place = `let near_${name} = local % ${side}u;\n  let far_${name} = local / ${side}u;`;
  if (!along) return `${place}\n  ${line(0, `${first} + 4 * near_${name}`)}`;
  const text = (i: number) => line(i, `${first} + far_${name} + ${i * size / side}u`);
  return `${place}\n  ${each(readsOf(v, name), text)}`;
}

/** Steps along K, or firsts of four, at which an invocation reads, as offsets from the first. */
function stepsOf(v: BlockVariant, name: Name, { along }: Operand): string[] {
  if (along) return [`4 * near_${name}`];
  return Array.from({ length: readsOf(v, name) }, (_, i) => farStep(v, name, i));
}

function startSide(v: BlockVariant, name: Name, operand: Operand): string {
  return stepsOf(v, name, operand)
    .map((offset, i) => operand.start?.(i, `begin + ${offset}`) ?? "").join("\n");
}

function advanceSide(v: BlockVariant, name: Name, operand: Operand): string {
  return stepsOf(v, name, operand).map((_, i) => operand.advance?.(i) ?? "").join("\n");
}

/** Reads an invocation's vectors for the steps from `next`. */
function readSide(v: BlockVariant, name: Name, operand: Operand, next: string): string {
  const reads = readsOf(v, name);
  const guard = guardOf(v, name);
  const one = (i: number, line: number, step: number, k: string) => `
    read_${name}${i} = vec4<f32>();
    if (${guard}${k} < end) { ${operand.read(`read_${name}${i}`, line, step, k)} }`;
  return stepsOf(v, name, operand).map((offset, step) => {
    const k = `k_${name}${step}`;
    return `let ${k} = ${next} + ${offset};
    ${operand.step?.(step) ?? ""}
    ${operand.along ? each(reads, (i) => one(i, i, 0, k)) : one(step, 0, step, k)}`;
  }).join("\n");
}

/** Writes them into the workgroup's memory, where four lines lie side by side in each step of K. */
function writeSide(v: BlockVariant, name: Name, { along }: Operand): string {
  const size = invocationsOf(v);
  const tile = v.buffers === 2 ? `tile_${name}[stage]` : `tile_${name}`;
  const guard = guardOf(v, name);
  const text = each(readsOf(v, name), (i) => {
    const value = v.half ? `vec4<f16>(read_${name}${i} * to_${name})` : `read_${name}${i}`;
    if (!along) return `${tile}[${farStep(v, name, i)}][near_${name}] = ${value};`;
    const at = `(far_${name} + ${i * size * 4 / v.depth}u)`;
    return `let factors${i} = ${value};` + each(
      4,
      (q) => `${tile}[4 * near_${name} + ${q}u][${at} / 4][${at} % 4] = factors${i}[${q}];`,
    );
  });
  return `${guard ? `if (${guard} true)` : ""} { ${text} }`;
}

function farStep(v: BlockVariant, name: Name, i: number): string {
  return `far_${name} + ${i * invocationsOf(v) * 4 / linesOf(v, name)}u`;
}

/** A condition, where there are fewer vectors than invocations. */
function guardOf(v: BlockVariant, name: Name): string {
  const count = linesOf(v, name) * v.depth / 4;
  return count < invocationsOf(v) ? `local < ${count}u && ` : "";
}

/** Reads step k of both operands and adds their products. */
function products(v: BlockVariant, k: number): string {
  const tile = (name: Name) => v.buffers === 2 ? `tile_${name}[stage]` : `tile_${name}`;
  const width = v.columns / v.tileColumns, height = v.rows / v.tileRows;
  return `${each(v.tileRows / 4, (i) => `let x${i} = ${tile("a")}[${k}][ty + ${i * height}u];`)}
  ${each(v.tileColumns / 4, (w) => `let y${w} = ${tile("b")}[${k}][tx + ${w * width}u];`)}
  ${
    addProductsFused(
      { rows: v.tileRows, columns: v.tileColumns },
      (i) => `x${i >> 2}[${i & 3}]`,
      (w) => `y${w}`,
      v.half,
    )
  }`;
}

/** Stores row i of the tile. */
function storeRow(v: BlockVariant, i: number, row: BlockBody["row"]): string {
  const width = v.columns / v.tileColumns, height = v.rows / v.tileRows;
  const tile = { rows: v.tileRows, columns: v.tileColumns };
  const store = each(vectors(tile), (w) => {
    const column = `(block_column + 4 * tx + ${4 * w * width}u)`;
    if (v.vectorC) return `if (${column} < u.columns) { c[(to + ${column}) / 4] = c${i}_${w}; }`;
    return each(4, (j) => {
      const at = `${column} + ${j}u`;
      return `if (${at} < u.columns) { c[to + ${at}] = c${i}_${w}[${j}]; }`;
    });
  });
  return `{
    let row = block_row + 4 * ty + ${4 * (i >> 2) * height + (i & 3)}u;
    if (row < u.rows) { ${row(store)} }
  }`;
}
