/**
 * Grouping prototypes into as many groups as there are classes, without looking at a label.
 *
 * @module
 */
import { agnes } from "ml-hclust";
import { ConfigError } from "../errors.ts";

/** Cosine distances 1 - cos(a, b) of all pairs of rows of a `[count,dimension]` matrix. */
function cosineDistances(vectors: ArrayLike<number>, count: number, dimension: number): number[][] {
  const norms = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let d = 0; d < dimension; d++) sum += vectors[i * dimension + d] ** 2;
    return Math.sqrt(sum);
  });
  const distances = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let dot = 0;
      for (let d = 0; d < dimension; d++) {
        dot += vectors[i * dimension + d] * vectors[j * dimension + d];
      }
      distances[i][j] = distances[j][i] = 1 - dot / (norms[i] * norms[j]);
    }
  }
  return distances;
}

/**
 * Average-linkage agglomeration (Sokal and Michener 1958) under cosine distance: the two groups whose
 * members are nearest on average are merged until `groups` remain.
 *
 * @param vectors `[count,dimension]` rows of any length but zero.
 * @returns `[count]` group ids 0..groups-1, numbered by first member.
 * @throws {ConfigError} when there are fewer vectors than groups, or a zero or non-finite vector.
 */
export function agglomerate(
  vectors: ArrayLike<number>,
  count: number,
  dimension: number,
  groups: number,
): Int32Array {
  if (!(groups >= 1 && groups <= count)) {
    throw new ConfigError(
      `Cannot group ${count} prototypes: expected 1 to ${count} groups, got ${groups}; train with ` +
        "at least as many prototypes as there are classes",
    );
  }
  const distances = cosineDistances(vectors, count, dimension);
  if (distances.some((row) => row.some(Number.isNaN))) {
    throw new ConfigError(
      "Cannot group prototypes: expected finite vectors of non-zero length, got one that is not; " +
        "the training diverged or collapsed",
    );
  }
  if (count === 1) return new Int32Array(1);
  const tree = agnes(distances, { method: "average", isDistanceMatrix: true });
  return numberByFirstMember(tree.group(groups).children.map((part) => part.indices()), count);
}

function numberByFirstMember(parts: readonly number[][], count: number): Int32Array {
  const partOf = new Int32Array(count);
  parts.forEach((members, part) => members.forEach((member) => partOf[member] = part));
  const numbers = new Map<number, number>();
  return partOf.map((part) => {
    if (!numbers.has(part)) numbers.set(part, numbers.size);
    return numbers.get(part)!;
  });
}

/**
 * Groups the prototypes that are in use and lets every other prototype join the group of its nearest
 * used one, so that rows that never came to stand for anything cannot claim a group of their own.
 *
 * @param usage `[count]` how often each prototype was the nearest one on training frames.
 * @param minimumShare a prototype is in use when its share of all counts is at least this (0..1).
 * When fewer than `groups` prototypes are in use, the `groups` most used ones are taken.
 * @returns `[count]` group ids 0..groups-1.
 * @throws {ConfigError} as {@linkcode agglomerate}.
 */
export function agglomerateUsed(
  vectors: ArrayLike<number>,
  count: number,
  dimension: number,
  groups: number,
  usage: ArrayLike<number>,
  minimumShare: number,
): Int32Array {
  const total = Array.from(usage).reduce((sum, n) => sum + n, 0);
  const byUse = Array.from({ length: count }, (_, i) => i).sort((a, b) => usage[b] - usage[a]);
  const used = byUse.filter((i, rank) => rank < groups || usage[i] >= minimumShare * total)
    .sort((a, b) => a - b);
  const rows = Float64Array.from(
    used.flatMap((i) => Array.from({ length: dimension }, (_, d) => vectors[i * dimension + d])),
  );
  const groupOfUsed = agglomerate(rows, used.length, dimension, groups);
  const distances = cosineDistances(vectors, count, dimension);
  const rankOf = new Map(used.map((prototype, rank) => [prototype, rank]));
  return Int32Array.from({ length: count }, (_, i) => {
    const own = rankOf.get(i);
    if (own !== undefined) return groupOfUsed[own];
    let nearest = 0;
    for (let rank = 1; rank < used.length; rank++) {
      if (distances[i][used[rank]] < distances[i][used[nearest]]) nearest = rank;
    }
    return groupOfUsed[nearest];
  });
}
