/**
 * Swapped prediction over groups (lib/pretrain/prototype_loss.ts) with its gradients.
 *
 * Scores `[N,K]` are made chunk by chunk, whole groups at a time, and made anew where they are needed
 * again: once for the first sums of columns and once for each iteration of Sinkhorn. Where one chunk
 * holds all rows they are made once. In the last pass gradients take the scores' place.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../../errors.ts";
import type { WebGpuBackend } from "../../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../../kernel.ts";
import { binary } from "../binary.ts";
import { filled } from "../fill.ts";
import { multiply } from "../matmul/matmul.ts";
import { columnSums, shares } from "./balance.ts";
import { type Chunk, planChunks } from "./plan.ts";
import { rowFactors, rowStatistics } from "./rows.ts";
import { type Attributes, moveRows, Scores, type Slots } from "./scores.ts";
import { type Lists, predict, type Weights } from "./targets.ts";

/** Bytes of scores that are in memory at a time. */
const SCORE_BYTES = 64 << 20;

/**
 * `PrototypeLoss`, a kernel of this project: loss and entropy, nearest prototypes, both gradients.
 *
 * @param scoreBytes Of scores that are in memory at a time; a group that needs more takes more.
 */
export function prototypeLossKernels(scoreBytes: number = SCORE_BYTES): GpuKernel[] {
  return [{ name: "PrototypeLoss", run: (call) => prototypeLoss(call, scoreBytes) }];
}

/** A chunk whose lists are on the engine. */
type Placed = Slots & Lists;

function prototypeLoss(
  { inputs: { features, prototypes }, attrs, backend }: KernelCall,
  scoreBytes: number,
): tf.TensorInfo[] {
  const attributes = attrs as unknown as Attributes;
  check(features, prototypes, attributes);
  const { samples: { groups, groupCount } } = attributes;
  const rowBytes = 4 * prototypes.shape[0];
  const limit = Math.floor(Math.min(scoreBytes, backend.largestBytes) / rowBytes);
  const chunks = planChunks(groups, groupCount, Math.max(1, limit))
    .map((chunk) => place(backend, chunk));
  const scores = new Scores(backend, features, prototypes, attributes);
  const v = balance(backend, chunks, scores, attributes, prototypes.shape[0]);
  const weights = weightsOf(attributes, prototypes.shape[0]);
  const results = lastPass(backend, chunks, scores, v, [features, prototypes], weights);
  scores.release();
  backend.release(v);
  for (const { slots, pieces, long } of chunks) {
    backend.release(slots, pieces, ...(long ? [long.pieces, long.groups] : []));
  }
  return results;
}

/** @throws {DeviceError} as the native engine does. */
function check(features: tf.TensorInfo, prototypes: tf.TensorInfo, attributes: Attributes): void {
  const { samples: { groups, groupCount }, epsilon, temperature } = attributes;
  const rows = features.shape[0];
  const refuse = (expected: string, got: unknown) => {
    throw new DeviceError(`Cannot compute PrototypeLoss: expected ${expected}, got ${got}`);
  };
  if (sizeOf(features) === 0) refuse("features", `[${features.shape}]`);
  if (sizeOf(prototypes) === 0) refuse("prototypes", `[${prototypes.shape}]`);
  if (groups.length !== rows) refuse(`a group for each of ${rows} rows`, groups.length);
  const outside = groups.find((group) => group >= groupCount);
  if (outside !== undefined) refuse(`groups below ${groupCount}`, outside);
  if (!(epsilon > 0)) refuse("an epsilon above 0", epsilon);
  if (!(temperature > 0)) refuse("a temperature above 0", temperature);
}

function weightsOf({ samples, temperature }: Attributes, prototypes: number): Weights {
  const { groups, perImage } = samples;
  const present = (slots: Int32Array) => Math.max(1, slots.filter((group) => group >= 0).length);
  const count = present(groups);
  return {
    // Logarithms are of 2 until here.
    loss: -Math.LN2 / count,
    entropy: -1 / (present(groups.subarray(0, perImage)) * Math.log2(prototypes)),
    gradient: 1 / (count * temperature),
  };
}

function place(backend: WebGpuBackend, chunk: Chunk): Placed {
  const list = (values: Int32Array<ArrayBuffer>, width: number) =>
    backend.known([values.length / width, width], "int32", values);
  return {
    slots: list(chunk.slots, 1),
    present: chunk.present,
    pieces: list(chunk.pieces, 4),
    long: chunk.longGroups.length > 0
      ? { pieces: list(chunk.longPieces, 2), groups: list(chunk.longGroups, 3) }
      : undefined,
  };
}

/** Sinkhorn's factors v of columns. Every pass goes back the way of the one before, whose last scores are there. */
function balance(
  backend: WebGpuBackend,
  chunks: Placed[],
  scores: Scores,
  { iterations }: Attributes,
  prototypes: number,
): tf.TensorInfo {
  let v: tf.TensorInfo | undefined;
  for (let iteration = 0; iteration < iterations; iteration++) {
    let sums: tf.TensorInfo | undefined;
    for (const chunk of chunks) {
      if (chunk.present === 0) continue;
      const { scored } = scores.of(chunk);
      const factors = v && rowFactors(backend, scored, v);
      sums = added(backend, sums, columnSums(backend, scored, factors));
      if (factors) backend.release(factors);
    }
    if (v) backend.release(v);
    v = undefined;
    if (!sums) break;
    v = shares(backend, sums);
    backend.release(sums);
    chunks.reverse();
  }
  return v ?? filled(backend, [prototypes], "float32", 1);
}

/** Answers [loss and entropy, nearest, dfeatures, dprototypes]. */
function lastPass(
  backend: WebGpuBackend,
  chunks: readonly Placed[],
  scores: Scores,
  v: tf.TensorInfo,
  [features, prototypes]: readonly [tf.TensorInfo, tf.TensorInfo],
  weights: Weights,
): tf.TensorInfo[] {
  const nearest = backend.output([features.shape[0]], "int32");
  const dfeatures = backend.output(features.shape);
  let result: tf.TensorInfo | undefined, dprototypes: tf.TensorInfo | undefined;
  for (const chunk of chunks) {
    const { rows, scored } = scores.of(chunk);
    const statistics = rowStatistics(backend, scored, v, nearest);
    result = added(backend, result, predict(backend, scored, chunk, v, statistics, weights));
    backend.release(statistics);
    const gradients = scored.scores;
    const own = multiply(backend, [gradients, prototypes]);
    moveRows(backend, own, chunk.slots, dfeatures, true);
    backend.release(own);
    const part = multiply(backend, [gradients, rows], { transposeA: true });
    dprototypes = added(backend, dprototypes, part);
  }
  return [result!, nearest, dfeatures, dprototypes!];
}

/** The sum of both, which it takes over; the second where there is no first. */
function added(
  backend: WebGpuBackend,
  a: tf.TensorInfo | undefined,
  b: tf.TensorInfo,
): tf.TensorInfo {
  if (!a) return b;
  const sum = binary(backend, "Add", a, b);
  backend.release(a, b);
  return sum;
}
