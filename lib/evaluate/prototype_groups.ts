/**
 * What prototypes stand for on training frames, and their grouping by it.
 *
 * @module
 */
import { similarity } from "./similarity.ts";
import type { Embedding, Frame } from "../records.ts";
import { agglomerate } from "./clustering.ts";
import { batches } from "./frames.ts";

/** What is asked of a trained network: `Pretrainer` in `pretrain/` has this shape. */
export interface PrototypeModel {
  /** `[K,D]` prototypes of unit length. */
  prototypes(): Promise<Float32Array>;
  /** Features of unit length. */
  embed(frames: readonly Frame[]): Promise<Embedding>;
  /** Nearest prototype of every pixel, one `[H,W]` array a frame. */
  assign(frames: readonly Frame[]): Promise<readonly Int32Array[]>;
}

/** How frames use the prototypes. */
export interface PrototypeUse {
  /** `[K]` features of which each prototype is the nearest. */
  readonly counts: Float64Array;
  /** `[K,D]` mean of those features less the mean of all; zeros for a prototype without. */
  readonly means: Float64Array;
}

/**
 * A prototype counts as used from this share of all features on, as a multiple of 1/K: rarely used ones
 * tend to form groups of their own. Chosen on validation streets.
 */
const USED_SHARE = 0.25;

/**
 * Finds the nearest prototype of every feature of (training) frames; labels are not looked at.
 *
 * @param batch frames that are embedded together.
 */
export async function prototypeUse(
  model: PrototypeModel,
  frames: Iterable<Frame> | AsyncIterable<Frame>,
  batch = 8,
): Promise<PrototypeUse> {
  const prototypes = await model.prototypes();
  let counts = new Float64Array(), means = new Float64Array(), dimension = 0;
  for await (const group of batches(frames, batch)) {
    const { count, height, width, channels, values } = await model.embed(group);
    if (dimension === 0) {
      dimension = channels;
      counts = new Float64Array(prototypes.length / dimension);
      means = new Float64Array(prototypes.length);
    }
    const size = height * width * dimension;
    for (let n = 0; n < count; n++) {
      addFeatures(values.subarray(n * size, (n + 1) * size), prototypes, dimension, counts, means);
    }
  }
  return { counts, means: centre(counts, means, dimension) };
}

/** Adds each feature to the sum of its nearest prototype. */
function addFeatures(
  features: Float32Array,
  prototypes: Float32Array,
  dimension: number,
  counts: Float64Array,
  sums: Float64Array,
): void {
  const count = counts.length;
  const scores = similarity(features, prototypes, { dimension, kind: "cosine" });
  for (let i = 0; i * dimension < features.length; i++) {
    const nearest = mostSimilar(scores, i, count);
    counts[nearest]++;
    for (let d = 0; d < dimension; d++) {
      sums[nearest * dimension + d] += features[i * dimension + d];
    }
  }
}

/** The column of the largest score in a row of `[rows,columns]`, the first of equal ones. */
function mostSimilar(scores: ArrayLike<number>, row: number, columns: number): number {
  let best = 0;
  for (let column = 1; column < columns; column++) {
    if (scores[row * columns + column] > scores[row * columns + best]) best = column;
  }
  return best;
}

/** Sums to means, less the mean of everything. */
function centre(counts: Float64Array, sums: Float64Array, dimension: number): Float64Array {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const mean = new Float64Array(dimension);
  sums.forEach((value, i) => mean[i % dimension] += value / total);
  return sums.map((value, i) => {
    const count = counts[Math.floor(i / dimension)];
    return count === 0 ? 0 : value / count - mean[i % dimension];
  });
}

/**
 * Groups prototypes by average-linkage agglomeration under cosine distance. A prototype is looked at
 * through what it stands for, the centred mean of its features: all features share one large
 * component, beside which the directions of prototypes themselves tell little, and which of them come
 * together then hangs on a few rarely used ones. It weighs as many features as it stands for, and
 * prototypes that are hardly used join the group of the most similar one that is, so that they cannot
 * claim a group of their own.
 *
 * @param prototypes `[K,D]`.
 * @returns `[K]` group ids 0..groups-1.
 * @throws {ConfigError} when there are fewer prototypes than groups.
 */
export function groupPrototypes(
  prototypes: Float32Array,
  { counts, means }: PrototypeUse,
  groups: number,
): Int32Array {
  const count = counts.length, dimension = prototypes.length / count;
  const rowOf = (matrix: ArrayLike<number>, k: number) =>
    Array.from({ length: dimension }, (_, d) => matrix[k * dimension + d]);
  const least = USED_SHARE / count * counts.reduce((sum, n) => sum + n, 0);
  const byUse = Array.from({ length: count }, (_, k) => k).sort((a, b) => counts[b] - counts[a]);
  const used = byUse.filter((k, rank) => rank < groups || counts[k] >= least).sort((a, b) => a - b);
  const rows = used.flatMap((k) => {
    const mean = rowOf(means, k);
    return mean.some((value) => value !== 0) ? mean : rowOf(prototypes, k);
  });
  const weights = used.map((k) => Math.max(1, counts[k]));
  const groupOfUsed = agglomerate(rows, used.length, dimension, groups, weights);
  const scores = similarity(
    prototypes,
    Float32Array.from(used.flatMap((k) => rowOf(prototypes, k))),
    { dimension, kind: "cosine" },
  );
  const groupOf = Int32Array.from(
    { length: count },
    (_, k) => groupOfUsed[mostSimilar(scores, k, used.length)],
  );
  used.forEach((k, rank) => groupOf[k] = groupOfUsed[rank]);
  return groupOf;
}
