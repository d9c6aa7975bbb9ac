/**
 * What one row of scores says by itself: the factor u that Sinkhorn's iterations give it, its largest score,
 * the sums of its softmax and its entropy.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { flatGroups, type Shader } from "../../program.ts";
import { each } from "../matmul/matrix_tile.ts";
import { SHARE } from "./balance.ts";
import { type Scored, totalOf, typeOf, widthOf } from "./scores.ts";

/** `[present]` factors u, which make the samples' rows of u exp(s / epsilon) v add up to 1. */
export function rowFactors(
  backend: WebGpuBackend,
  scored: Scored,
  v: tf.TensorInfo,
): tf.TensorInfo {
  const output = backend.output([scored.present]);
  alongRows(backend, scored, v, scored.present, [output]);
  return output;
}

/**
 * `[rows,4]` of each row log2 sum exp(s / temperature), u, and the sum of q log2 q where it is wanted;
 * writes the most similar prototype of each row to its slot of `nearest`.
 */
export function rowStatistics(
  backend: WebGpuBackend,
  scored: Scored,
  v: tf.TensorInfo,
  nearest: tf.TensorInfo,
): tf.TensorInfo {
  const [rows] = scored.scores.shape;
  const output = backend.output([rows, 4]);
  alongRows(backend, scored, v, rows, [output, nearest]);
  return output;
}

function alongRows(
  backend: WebGpuBackend,
  { scores, slots, present, scale, sharpness, perImage }: Scored,
  v: tf.TensorInfo,
  rows: number,
  writes: readonly tf.TensorInfo[],
): void {
  const { flat: workgroup, row: lanes } = backend.tiles;
  const prototypes = scores.shape[1], width = widthOf(prototypes), all = writes.length > 1;
  backend.run({
    shader: rowShader,
    variant: { width, lanes, all, workgroup },
    reads: all ? [scores, v, slots] : [scores, v],
    writes,
    uniforms: {
      count: rows,
      columns: prototypes / width,
      present,
      per_image: perImage,
      scale,
      sharpness,
    },
    groups: flatGroups(rows * lanes, workgroup),
    iterations: 3 * Math.ceil(prototypes / width / lanes),
  });
}

interface RowVariant {
  readonly [key: string]: number | boolean;
  readonly width: number;
  /** Invocations to a row. */
  readonly lanes: number;
  /** Whether all is wanted and not u alone. */
  readonly all: boolean;
  readonly workgroup: number;
}

const rowShader: Shader<RowVariant> = {
  name: "prototype loss, rows",
  source: (v) => ({
    reads: { scores: typeOf(v.width), v: typeOf(v.width), ...(v.all ? { slots: "u32" } : {}) },
    writes: writesOf(v),
    uniforms: {
      count: "u32",
      columns: "u32",
      present: "u32",
      per_image: "u32",
      scale: "f32",
      sharpness: "f32",
    },
    code: `${SHARE}
${joinLanes(v, "add_lanes", "mine + other")}
${joinLanes(v, "better_lanes", "better(mine, other)")}
// A score and its place: the larger, and of equal ones the first.
fn better(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}
@compute @workgroup_size(${v.workgroup})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let own = ((workgroup.y * workgroups.x + workgroup.x) * ${v.workgroup}u + local) / ${v.lanes}u;
  let lane = local % ${v.lanes}u;
  // Invocations without a row go along with the last one, since all must reach each barrier.
  let row = min(own, u.count - 1);
  let base = row * u.columns;
  ${v.all ? allOfRow(v) : factorOfRow(v)}
}`,
  }),
};

function writesOf({ all }: RowVariant): Readonly<Record<string, string>> {
  return all ? { statistics: "vec4<f32>", nearest: "u32" } : { factors: "f32" };
}

function factorOfRow(v: RowVariant): string {
  return `var sum = ${typeOf(v.width)}();
  ${alongColumns(v, `sum += exp2(u.scale * scores[base + k]) * v[k];`)}
  let total = add_lanes(vec2<f32>(${totalOf("sum", v.width)}, 0), local).x;
  if (own < u.count && lane == 0u) { factors[row] = share_of(total); }`;
}

/** Three times along the row: its largest score, its sums, the entropy of its assignment. */
function allOfRow(v: RowVariant): string {
  const type = typeOf(v.width);
  const value = (j: number) => v.width === 4 ? `s[${j}]` : "s";
  return `var best = vec2<f32>(-3.4028234e38, 0);
  ${
    alongColumns(
      v,
      `let s = scores[base + k];
    ${
        each(v.width, (j) =>
          `if (${value(j)} > best.x) { best = vec2<f32>(${
            value(j)
          }, f32(${v.width}u * k + ${j}u)); }`)
      }`,
    )
  }
  best = better_lanes(best, local);
  var powers = ${type}();
  var sum = ${type}();
  ${
    alongColumns(
      v,
      `let s = scores[base + k];
    powers += exp2(u.sharpness * (s - best.x));
    sum += exp2(u.scale * s) * v[k];`,
    )
  }
  let totals = add_lanes(
    vec2<f32>(${totalOf("powers", v.width)}, ${totalOf("sum", v.width)}), local);
  let factor = select(0.0, share_of(totals.y), row < u.present);
  var entropy = ${type}();
  if (row < u.present && slots[row] < u.per_image) {
    ${
    alongColumns(
      v,
      `let q = exp2(u.scale * scores[base + k]) * v[k] * factor;
    entropy += q * log2(q + 1e-12);`,
    )
  }
  }
  let all = add_lanes(vec2<f32>(${totalOf("entropy", v.width)}, 0), local).x;
  if (own < u.count && lane == 0u) {
    statistics[row] = vec4<f32>(u.sharpness * best.x + log2(totals.x), factor, all, 0);
    nearest[slots[row]] = u32(best.y);
  }`;
}

function alongColumns({ lanes }: RowVariant, body: string): string {
  return `for (var k = lane; k < u.columns; k += ${lanes}u) { ${body} }`;
}

/** A function that joins the values of a row's invocations, always in the same order. */
function joinLanes({ lanes, workgroup }: RowVariant, name: string, join: string): string {
  if (lanes === 1) return `fn ${name}(x: vec2<f32>, local: u32) -> vec2<f32> { return x; }`;
  return `
var<workgroup> values_${name}: array<vec2<f32>, ${workgroup}>;
fn ${name}(x: vec2<f32>, local: u32) -> vec2<f32> {
  values_${name}[local] = x;
  workgroupBarrier();
  for (var apart = ${lanes / 2}u; apart > 0u; apart /= 2u) {
    if (local % ${lanes}u < apart) {
      let mine = values_${name}[local];
      let other = values_${name}[local + apart];
      values_${name}[local] = ${join};
    }
    workgroupBarrier();
  }
  let joined = values_${name}[local / ${lanes}u * ${lanes}u];
  // The next call writes here.
  workgroupBarrier();
  return joined;
}`;
}
