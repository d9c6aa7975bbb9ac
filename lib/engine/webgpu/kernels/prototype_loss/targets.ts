/**
 * The targets of swapped prediction, and the gradient that they leave of each score.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { flatGroups, flatMain, type Shader } from "../../program.ts";
import { PIECE_ROWS } from "./plan.ts";
import { type Scored, totalOf, typeOf, widthOf } from "./scores.ts";
import { reduce } from "../reduce.ts";

/** The lists of a chunk (plan.ts) on the engine; the long ones are absent where there are none. */
export interface Lists {
  readonly pieces: tf.TensorInfo;
  readonly long?: { readonly pieces: tf.TensorInfo; readonly groups: tf.TensorInfo };
}

/** What each sample's part of loss, entropy and gradient is multiplied with. */
export interface Weights {
  readonly loss: number;
  readonly entropy: number;
  readonly gradient: number;
}

/** Invocations that share a piece, each with every so-many-th column: as many as a GPU runs together. */
const LANES = 32;

/**
 * Makes scores the gradients of the loss in them and answers `[2]`, the chunk's part of loss and entropy.
 *
 * @param statistics `[rows,4]` as from rowStatistics.
 */
export function predict(
  backend: WebGpuBackend,
  { scores, scale, sharpness }: Scored,
  { pieces, long }: Lists,
  v: tf.TensorInfo,
  statistics: tf.TensorInfo,
  weights: Weights,
): tf.TensorInfo {
  const means = long && groupMeans(backend, scores, scale, long, v, statistics);
  const prototypes = scores.shape[1], width = widthOf(prototypes);
  const { flat: workgroup } = backend.tiles;
  const count = pieces.shape[0] * LANES;
  const sums = backend.output([count, 2]);
  backend.run({
    shader: predictShader,
    variant: { width, long: means !== undefined, workgroup },
    reads: [pieces, statistics, v, ...(means ? [means] : [])],
    writes: [scores, sums],
    uniforms: {
      count,
      columns: prototypes / width,
      scale,
      sharpness,
      loss_weight: weights.loss,
      entropy_weight: weights.entropy,
      gradient_weight: weights.gradient,
    },
    groups: flatGroups(count, workgroup),
    iterations: Math.ceil(prototypes / width / LANES) * (1 + 2 * PIECE_ROWS),
  });
  const result = reduce(backend, "Sum", sums, [0], false);
  backend.release(sums, ...(means ? [means] : []));
  return result;
}

/**
 * An invocation goes down the rows of its piece twice: for the mean assignment, unless the group is too
 * long and has it already, and for the prediction's logarithms and gradients. It alone sees those scores.
 */
const predictShader: Shader<{ width: number; long: boolean; workgroup: number }> = {
  name: "prototype loss, prediction",
  source: ({ width, long, workgroup }) => ({
    reads: {
      pieces: "vec4<i32>",
      statistics: "vec4<f32>",
      v: typeOf(width),
      ...(long ? { means: typeOf(width) } : {}),
    },
    writes: { scores: typeOf(width), sums: "vec2<f32>" },
    uniforms: {
      count: "u32",
      columns: "u32",
      scale: "f32",
      sharpness: "f32",
      loss_weight: "f32",
      entropy_weight: "f32",
      gradient_weight: "f32",
    },
    code: flatMain(
      workgroup,
      `let lane = i % ${LANES}u;
  let piece = pieces[i / ${LANES}u];
  let begin = u32(piece.x);
  let end = u32(piece.y);
  var loss = 0.0;
  for (var column = lane; column < u.columns; column += ${LANES}u) {
    if (piece.w == 0) {
      for (var row = begin; row < end; row++) {
        scores[row * u.columns + column] = ${typeOf(width)}();
      }
      continue;
    }
    var mean = ${typeOf(width)}();
    ${long ? "if (piece.z >= 0) { mean = means[u32(piece.z) * u.columns + column]; } else {" : "{"}
      for (var row = begin; row < end; row++) {
        mean += exp2(u.scale * scores[row * u.columns + column]) * statistics[row].y;
      }
      mean *= v[column] / f32(piece.w);
    }
    var logs = ${typeOf(width)}();
    for (var row = begin; row < end; row++) {
      let at = row * u.columns + column;
      let log = u.sharpness * scores[at] - statistics[row].x;
      logs += log;
      scores[at] = (exp2(log) - mean) * u.gradient_weight;
    }
    loss += ${totalOf("mean * logs", width)};
  }
  var entropy = 0.0;
  if (lane == 0u) {
    for (var row = begin; row < end; row++) { entropy += statistics[row].z; }
  }
  sums[i] = vec2<f32>(loss * u.loss_weight, entropy * u.entropy_weight);`,
    ),
  }),
};

/** `[long groups,K]` mean assignments, by way of the sums of their pieces. */
function groupMeans(
  backend: WebGpuBackend,
  scores: tf.TensorInfo,
  scale: number,
  { pieces, groups }: NonNullable<Lists["long"]>,
  v: tf.TensorInfo,
  statistics: tf.TensorInfo,
): tf.TensorInfo {
  const prototypes = scores.shape[1], width = widthOf(prototypes), columns = prototypes / width;
  const { flat: workgroup } = backend.tiles;
  const sums = backend.output([pieces.shape[0], prototypes]);
  const ofPieces = pieces.shape[0] * columns;
  backend.run({
    shader: pieceShader,
    variant: { width, workgroup },
    reads: [pieces, scores, statistics, v],
    writes: [sums],
    uniforms: { count: ofPieces, columns, scale },
    groups: flatGroups(ofPieces, workgroup),
  });
  const means = backend.output([groups.shape[0], prototypes]);
  const ofGroups = groups.shape[0] * columns;
  backend.run({
    shader: meanShader,
    variant: { width, workgroup },
    reads: [groups, sums],
    writes: [means],
    uniforms: { count: ofGroups, columns },
    groups: flatGroups(ofGroups, workgroup),
  });
  backend.release(sums);
  return means;
}

const pieceShader: Shader<{ width: number; workgroup: number }> = {
  name: "prototype loss, pieces of groups",
  source: ({ width, workgroup }) => ({
    reads: {
      pieces: "vec2<u32>",
      scores: typeOf(width),
      statistics: "vec4<f32>",
      v: typeOf(width),
    },
    writes: { sums: typeOf(width) },
    uniforms: { count: "u32", columns: "u32", scale: "f32" },
    code: flatMain(
      workgroup,
      `let column = i % u.columns;
  let piece = pieces[i / u.columns];
  var sum = ${typeOf(width)}();
  for (var row = piece.x; row < piece.y; row++) {
    sum += exp2(u.scale * scores[row * u.columns + column]) * statistics[row].y;
  }
  sums[i] = sum * v[column];`,
    ),
  }),
};

/** Adds up as many pieces as a piece has rows at a time, so that what rounding takes stays small. */
const meanShader: Shader<{ width: number; workgroup: number }> = {
  name: "prototype loss, means of groups",
  source: ({ width, workgroup }) => ({
    reads: { groups: "u32", sums: typeOf(width) },
    writes: { means: typeOf(width) },
    uniforms: { count: "u32", columns: "u32" },
    code: flatMain(
      workgroup,
      `let column = i % u.columns;
  let group = 3u * (i / u.columns);
  let end = groups[group + 1u];
  var sum = ${typeOf(width)}();
  for (var begin = groups[group]; begin < end; begin += ${PIECE_ROWS}u) {
    var some = ${typeOf(width)}();
    for (var piece = begin; piece < min(end, begin + ${PIECE_ROWS}u); piece++) {
      some += sums[piece * u.columns + column];
    }
    sum += some;
  }
  means[i] = sum / f32(groups[group + 2u]);`,
    ),
  }),
};
