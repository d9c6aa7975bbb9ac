/**
 * Matrix products block by block, by way of a workgroup's memory.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { sizeOf } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { acrossMatrix, alongMatrix } from "./block_operands.ts";
import {
  BLOCK_UNIFORMS,
  blockGroups,
  blockMain,
  type BlockPlan,
  blockReads,
  blockUniforms,
  type BlockVariant,
} from "./block_tile.ts";

/** A product of matrices `rows x depth` and `depth x columns`. */
export interface Product {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Axes of the stack of results, and how many those are. */
  readonly outer: readonly number[];
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Matrices that each side has: as many as the last axes of the stack, or one. */
  readonly matricesA: number;
  readonly matricesB: number;
}

/** Scales of both operands (factor_scale.ts). */
export type Scales = readonly [a: tf.TensorInfo, b: tf.TensorInfo];

/**
 * The product in its parts `[parts, ...outer, rows, columns]`.
 *
 * @param scales Of factors in float16; they stay float32 without.
 */
export function blockProduct(
  backend: WebGpuBackend,
  [a, b]: readonly [tf.TensorInfo, tf.TensorInfo],
  p: Product,
  { block, parts, part }: BlockPlan,
  scales: Scales | undefined = undefined,
): tf.TensorInfo {
  const output = backend.output([parts, ...p.outer, p.rows, p.columns]);
  const layers = p.batch * parts;
  backend.run({
    shader,
    variant: {
      ...block,
      transposeA: p.transposeA,
      transposeB: p.transposeB,
      vectorA: (p.transposeA ? p.rows : p.depth) % 4 === 0,
      vectorB: (p.transposeB ? p.depth : p.columns) % 4 === 0,
      vectorC: p.columns % 4 === 0,
      half: scales !== undefined,
    },
    reads: [a, b, ...scales ?? []],
    writes: [output],
    uniforms: {
      ...blockUniforms(block, p.rows, p.columns, layers),
      depth: p.depth,
      batch: p.batch,
      part,
      matrices_a: p.matricesA,
      matrices_b: p.matricesB,
    },
    groups: sizeOf(output) === 0 ? [0, 0, 0] : blockGroups(block, p.rows, p.columns, layers),
  });
  return output;
}

type ProductVariant = BlockVariant & { readonly transposeA: boolean; readonly transposeB: boolean };

const shader: Shader<ProductVariant> = {
  name: "matmul by blocks",
  source: (v) => {
    const a = { base: "base_a", lines: "u.rows", depth: "u.depth", vector: v.vectorA };
    const b = { base: "base_b", lines: "u.columns", depth: "u.depth", vector: v.vectorB };
    return {
      half: v.half,
      reads: blockReads(v),
      writes: { c: v.vectorC ? "vec4<f32>" : "f32" },
      uniforms: {
        ...BLOCK_UNIFORMS,
        depth: "u32",
        batch: "u32",
        part: "u32",
        matrices_a: "u32",
        matrices_b: "u32",
      },
      code: blockMain(v, {
        layer: `
  let base_a = layer % u.batch % u.matrices_a * u.rows * u.depth;
  let base_b = layer % u.batch % u.matrices_b * u.depth * u.columns;
  let begin = layer / u.batch * u.part;
  let end = min(u.depth, begin + u.part);`,
        a: v.transposeA ? acrossMatrix("a", a) : alongMatrix("a", a),
        b: v.transposeB ? alongMatrix("b", b) : acrossMatrix("b", b),
        row: (store) => `let to = (layer * u.rows + row) * u.columns; ${store}`,
      }),
    };
  },
};
