/**
 * The balance of columns in Sinkhorn's iterations (lib/pretrain/sinkhorn.ts) on scores in memory.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { flatGroups, flatMain, type Shader } from "../../program.ts";
import { PIECE_ROWS } from "./plan.ts";
import { type Scored, typeOf, widthOf } from "./scores.ts";
import { addParts } from "../reduce.ts";

/** What would make a sum 1. A sum below the normal floats counts as 0, and has a share of 0. */
export const SHARE = "fn share_of(x: f32) -> f32 { return select(1 / x, 0.0, x < 1.1754944e-38); }";

/** `[K]` sums over the samples of u exp(s / epsilon); u is `[present]`, or 1 where there is none. */
export function columnSums(
  backend: WebGpuBackend,
  { scores, present, scale }: Scored,
  factors: tf.TensorInfo | undefined,
): tf.TensorInfo {
  const prototypes = scores.shape[1], width = widthOf(prototypes), columns = prototypes / width;
  const parts = Math.ceil(present / PIECE_ROWS), count = parts * columns;
  const output = backend.output([parts, prototypes]);
  const { flat: workgroup } = backend.tiles;
  backend.run({
    shader: columnShader,
    variant: { width, weighted: factors !== undefined, workgroup },
    reads: factors ? [scores, factors] : [scores],
    writes: [output],
    uniforms: { count, columns, rows: present, scale },
    groups: flatGroups(count, workgroup),
  });
  return addParts(backend, output);
}

const columnShader: Shader<{ width: number; weighted: boolean; workgroup: number }> = {
  name: "prototype loss, columns",
  source: ({ width, weighted, workgroup }) => ({
    reads: { scores: typeOf(width), ...(weighted ? { factors: "f32" } : {}) },
    writes: { output: typeOf(width) },
    uniforms: { count: "u32", columns: "u32", rows: "u32", scale: "f32" },
    code: flatMain(
      workgroup,
      `let column = i % u.columns;
  let begin = i / u.columns * ${PIECE_ROWS}u;
  let end = min(u.rows, begin + ${PIECE_ROWS}u);
  var sum = ${typeOf(width)}();
  for (var row = begin; row < end; row++) {
    sum += ${weighted ? "factors[row] * " : ""}exp2(u.scale * scores[row * u.columns + column]);
  }
  output[i] = sum;`,
    ),
  }),
};

/** Sums of columns to factors v. */
export function shares(backend: WebGpuBackend, sums: tf.TensorInfo): tf.TensorInfo {
  const [count] = sums.shape, { flat: workgroup } = backend.tiles;
  const output = backend.output([count]);
  backend.run({
    shader: shareShader,
    variant: { workgroup },
    reads: [sums],
    writes: [output],
    uniforms: { count },
    groups: flatGroups(count, workgroup),
  });
  return output;
}

const shareShader: Shader<{ workgroup: number }> = {
  name: "prototype loss, shares",
  source: ({ workgroup }) => ({
    reads: { sums: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32" },
    code: SHARE + flatMain(workgroup, "output[i] = share_of(sums[i]);"),
  }),
};
