/**
 * Matrix products, batched and transposed, with bias and activation.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../../kernel.ts";
import { type Extent, type Shader, WORKGROUPS_PER_DIMENSION } from "../../program.ts";
import { planBlock } from "./block_tile.ts";
import { cast } from "../cast.ts";
import { finish } from "./finish.ts";
import {
  addProducts,
  declareSums,
  each,
  matrixGroups,
  matrixIterations,
  tileFor,
  vectors,
} from "./matrix_tile.ts";
import { blockProduct, type Product } from "./blocks.ts";
import { addParts } from "../reduce.ts";

/** `BatchMatMul` and `_FusedMatMul`. */
export function matmulKernels(): GpuKernel[] {
  return [{ name: "BatchMatMul", run: matmul }, { name: "_FusedMatMul", run: fusedMatmul }];
}

function fusedMatmul(call: KernelCall): tf.TensorInfo {
  return finish(call, matmul(call));
}

/** The product of two matrices, each as it is or transposed. The caller owns it. */
export function multiply(
  backend: WebGpuBackend,
  [a, b]: readonly [tf.TensorInfo, tf.TensorInfo],
  { transposeA = false, transposeB = false }: {
    readonly transposeA?: boolean;
    readonly transposeB?: boolean;
  } = {},
): tf.TensorInfo {
  return matmul({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend });
}

/**
 * Shape rule: `[..., M, K] x [..., K, N] -> [..., M, N]`, outer axes broadcast where one side has one
 * matrix, or fewer axes. A product with a long K and few results is cut along K, and its parts are added up.
 */
function matmul({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const dtype = tf.upcastType(inputs.a.dtype, inputs.b.dtype);
  const [a, b] = [inputs.a, inputs.b].map((side) => cast(backend, side, "float32"));
  const transposeA = Boolean(attrs.transposeA), transposeB = Boolean(attrs.transposeB);
  const [rows, depth] = inner(a, transposeA);
  const [depthB, columns] = inner(b, transposeB);
  tf.util.assert(
    depth === depthB,
    () =>
      `Error in matMul: inner shapes (${depth}) and (${depthB}) of Tensors with shapes ${a.shape} ` +
      `and ${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  const batch = tf.util.sizeFromShape(outer);
  const output = product(backend, [a, b], {
    transposeA,
    transposeB,
    outer,
    batch,
    rows,
    columns,
    depth,
    matricesA: matricesOf(a, outer),
    matricesB: matricesOf(b, outer),
  });
  const sum = addParts(backend, output);
  const result = cast(backend, sum, dtype);
  backend.release(a, b, sum);
  return result;
}

/** How many matrices a side has: those of the result's last outer axes, in turn, or one for all. */
function matricesOf({ shape }: tf.TensorInfo, outer: readonly number[]): number {
  const own = shape.slice(0, -2), count = tf.util.sizeFromShape(own);
  const fits = own.every((size, axis) => size === outer[axis - own.length + outer.length]);
  tf.util.assert(
    fits || count === 1,
    () => `Error in matMul: outer shape of [${shape}] must be [${outer}], its end, or one matrix.`,
  );
  return count;
}

function inner({ shape }: tf.TensorInfo, transpose: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transpose ? [columns, rows] : [rows, columns];
}

/** Steps along K that are worth an invocation of their own. */
const SHORTEST_PART = 128;

/**
 * Steps down a transposed A that neighbouring tiles make together: of more the first lines have left a
 * processor's cache when the next tile comes back to them.
 */
const LONGEST_TRANSPOSED = 512;

/** Parts take at most a quarter of what a transposed A takes. */
const TRANSPOSED_SHARE = 4;

/** Loop iterations along K of a part are at most a half of what an invocation may take. */
const ITERATIONS_SHARE = 2;

function partsOf(
  { tiles, mostIterations }: WebGpuBackend,
  { transposeA, batch, rows, columns, depth }: Product,
) {
  const busy = Math.max(
    Math.ceil(tiles.busy * 8 / Math.max(1, batch * rows * columns)),
    Math.ceil(ITERATIONS_SHARE * depth / mostIterations),
  );
  const near = transposeA
    ? Math.min(depth / LONGEST_TRANSPOSED, depth / (TRANSPOSED_SHARE * Math.max(1, columns)))
    : 1;
  return Math.max(1, Math.min(Math.max(busy, Math.floor(near)), Math.floor(depth / SHORTEST_PART)));
}

/** The product in its parts `[parts, ...outer, rows, columns]`. */
function product(
  backend: WebGpuBackend,
  [a, b]: [tf.TensorInfo, tf.TensorInfo],
  p: Product,
): tf.TensorInfo {
  const plan = planBlock(backend, "product", [p.rows, p.columns, p.depth], p.batch);
  if (plan) return blockProduct(backend, [a, b], p, plan);
  const parts = partsOf(backend, p);
  const output = backend.output([parts, ...p.outer, p.rows, p.columns]);
  const tile = tileFor(p.rows, p.columns);
  const [width, height] = backend.tiles.matrix;
  const layers = p.batch * parts;
  const [across, down] = matrixGroups(tile, backend.tiles, p.rows, p.columns, 1);
  const groups: Extent = [across, down, Math.min(layers, WORKGROUPS_PER_DIMENSION)];
  const part = Math.ceil(p.depth / parts / 4) * 4;
  backend.run({
    shader,
    variant: {
      ...tile,
      transposeA: p.transposeA,
      transposeB: p.transposeB,
      vectorA: (p.transposeA ? p.rows : p.depth) % 4 === 0,
      vectorB: (p.transposeB ? p.depth : p.columns) % 4 === 0 && tile.columns > 1,
      vectorC: p.columns % 4 === 0,
      width,
      height,
    },
    reads: [a, b],
    writes: [output],
    uniforms: {
      rows: p.rows,
      columns: p.columns,
      depth: p.depth,
      batch: p.batch,
      layers,
      part,
      matrices_a: p.matricesA,
      matrices_b: p.matricesB,
    },
    groups: sizeOf(output) === 0 ? [0, 0, 0] : groups,
    iterations: matrixIterations(
      tile,
      backend.tiles,
      p.rows,
      Math.ceil(layers / WORKGROUPS_PER_DIMENSION) * (1 + part),
    ),
  });
  return output;
}

interface ProductVariant {
  readonly [key: string]: string | number | boolean;
  /** The tile. */
  readonly rows: number;
  readonly columns: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Whether the matrix's own rows are whole vectors. */
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorC: boolean;
  /** Workgroup. */
  readonly width: number;
  readonly height: number;
}

const shader: Shader<ProductVariant> = {
  name: "matmul",
  source: (v) => {
    // Vectors along K are read four steps at a time, and K is then a whole number of them.
    const depth = (v.vectorA && !v.transposeA) || (v.vectorB && v.transposeB) ? 4 : 1;
    return {
      reads: {
        a: v.vectorA ? "vec4<f32>" : "f32",
        b: v.vectorB ? "vec4<f32>" : "f32",
      },
      writes: { c: v.vectorC ? "vec4<f32>" : "f32" },
      uniforms: {
        rows: "u32",
        columns: "u32",
        depth: "u32",
        batch: "u32",
        layers: "u32",
        part: "u32",
        matrices_a: "u32",
        matrices_b: "u32",
      },
      code: `
@compute @workgroup_size(${v.width}, ${v.height})
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
) {
  let column = id.x * ${v.columns}u;
  if (column >= u.columns) { return; }
  for (var row = id.y * ${v.rows}u; row < u.rows; row += workgroups.y * ${v.height * v.rows}u) {
  for (var layer = id.z; layer < u.layers; layer += workgroups.z) {
    let base_a = layer % u.batch % u.matrices_a * u.rows * u.depth;
    let base_b = layer % u.batch % u.matrices_b * u.depth * u.columns;
    let begin = (layer / u.batch) * u.part;
    let end = min(u.depth, begin + u.part);
    ${each(v.rows, (i) => `let m${i} = min(row + ${i}u, u.rows - 1);`)}
    ${each(v.columns, (j) => `let n${j} = min(column + ${j}u, u.columns - 1);`)}
    ${declareSums(v)}
    for (var k = begin; k < end; k += ${depth}u) {
      ${loads(v)}
      ${each(depth, (q) => `{ ${step(v, q)} }`)}
    }
    let base_c = layer * u.rows * u.columns;
    ${each(v.rows, (i) => `if (row + ${i}u < u.rows) { ${stores(v, i)} }`)}
  }
  }
}`,
    };
  },
};

/** Vectors along K, read once for four steps. */
function loads(v: ProductVariant): string {
  const ofA = v.vectorA && !v.transposeA
    ? each(v.rows, (i) => `let a${i} = a[(base_a + m${i} * u.depth + k) / 4];`)
    : "";
  const ofB = v.vectorB && v.transposeB
    ? each(v.columns, (j) => `let b${j} = b[(base_b + n${j} * u.depth + k) / 4];`)
    : "";
  return ofA + ofB;
}

/** One step along K: what is still to be read, and the products. */
function step(v: ProductVariant, q: number): string {
  const at = `(k + ${q}u)`;
  const lines: string[] = [];
  let ofA: (row: number) => string;
  if (!v.transposeA) {
    ofA = (i) => v.vectorA ? `a${i}[${q}]` : `a[base_a + m${i} * u.depth + ${at}]`;
  } else if (v.vectorA) {
    lines.push(
      each(
        v.rows / 4,
        (i) =>
          `let t${i} = a[(base_a + ${at} * u.rows) / 4 + min(row / 4 + ${i}u, u.rows / 4 - 1)];`,
      ),
    );
    ofA = (i) => `t${i >> 2}[${i & 3}]`;
  } else {
    ofA = (i) => `a[base_a + ${at} * u.rows + m${i}]`;
  }
  // A number of A is used for each vector of B.
  lines.push(each(v.rows, (i) => `let x${i} = ${ofA(i)};`));
  lines.push(each(vectors(v), (w) => `let y${w} = ${ofB(v, w, q, at)};`));
  lines.push(addProducts(v, (i) => `x${i}`, (w) => `y${w}`));
  return lines.join("\n");
}

function ofB(v: ProductVariant, w: number, q: number, at: string): string {
  const one = (j: number) =>
    v.transposeB ? `b[base_b + n${j} * u.depth + ${at}]` : `b[base_b + ${at} * u.columns + n${j}]`;
  if (v.columns === 1) return one(0);
  const four = [0, 1, 2, 3].map((j) => 4 * w + j);
  if (v.vectorB && v.transposeB) return `vec4<f32>(${four.map((j) => `b${j}[${q}]`)})`;
  if (v.vectorB) return `b[(base_b + ${at} * u.columns + n${4 * w}) / 4]`;
  return `vec4<f32>(${four.map(one)})`;
}

function stores(v: ProductVariant, i: number): string {
  const at = `base_c + (row + ${i}u) * u.columns + column`;
  if (v.columns === 1) return `c[${at}] = c${i}_0;`;
  return each(
    vectors(v),
    (w) =>
      v.vectorC
        ? `if (column + ${4 * w}u < u.columns) { c[(${at}) / 4 + ${w}u] = c${i}_${w}; }`
        : each(4, (j) => {
          const n = 4 * w + j;
          return `if (column + ${n}u < u.columns) { c[${at} + ${n}u] = c${i}_${w}[${j}]; }`;
        }),
  );
}
