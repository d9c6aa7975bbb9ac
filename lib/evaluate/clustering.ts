/**
 * Grouping vectors into as many groups as there are classes, without looking at a label.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";

/**
 * Average-linkage agglomeration (Sokal and Michener 1958) under cosine distance: the two groups whose
 * members are nearest on average are merged until `groups` remain.
 *
 * With weights a vector counts as so many equal ones, which no library at hand does; the search of all
 * pairs for each merge takes a second for 1000 vectors.
 *
 * @param vectors `[count,dimension]` rows of any length but zero.
 * @param weights `[count]` above 0; all 1 by default.
 * @returns `[count]` group ids 0..groups-1, numbered by first member.
 * @throws {ConfigError} when there are fewer vectors than groups, or a zero or non-finite vector.
 */
export function agglomerate(
  vectors: ArrayLike<number>,
  count: number,
  dimension: number,
  groups: number,
  weights: ArrayLike<number> = new Uint8Array(count).fill(1),
): Int32Array {
  if (!(groups >= 1 && groups <= count)) {
    throw new ConfigError(
      `Cannot group ${count} prototypes: expected 1 to ${count} groups, got ${groups}; train with ` +
        "at least as many prototypes as there are classes",
    );
  }
  const distances = cosineDistances(vectors, count, dimension);
  if (distances.some(Number.isNaN)) {
    throw new ConfigError(
      "Cannot group prototypes: expected finite vectors of non-zero length, got one that is not; " +
        "the training diverged or collapsed",
    );
  }
  const weight = Float64Array.from(weights);
  const groupOf = Int32Array.from({ length: count }, (_, i) => i);
  let heads = Array.from({ length: count }, (_, i) => i);
  while (heads.length > groups) {
    const [a, b] = nearestPair(distances, heads, count);
    for (const c of heads) {
      const [toA, toB] = [distances[a * count + c], distances[b * count + c]];
      const mean = (weight[a] * toA + weight[b] * toB) / (weight[a] + weight[b]);
      distances[a * count + c] = distances[c * count + a] = mean;
    }
    weight[a] += weight[b];
    heads = heads.filter((head) => head !== b);
    for (let i = 0; i < count; i++) if (groupOf[i] === b) groupOf[i] = a;
  }
  // A group is called after its first member, so heads are in order of first members.
  return groupOf.map((head) => heads.indexOf(head));
}

/** The two heads with the least distance, the earlier first. */
function nearestPair(
  distances: Float64Array,
  heads: readonly number[],
  count: number,
): [number, number] {
  let first = heads[0], second = heads[1], least = Infinity;
  for (let i = 0; i < heads.length; i++) {
    const row = heads[i] * count;
    for (let j = i + 1; j < heads.length; j++) {
      const distance = distances[row + heads[j]];
      if (distance < least) [first, second, least] = [heads[i], heads[j], distance];
    }
  }
  return [first, second];
}

/** `[count,count]` cosine distances 1 - cos(a, b) of all pairs of rows. */
function cosineDistances(
  vectors: ArrayLike<number>,
  count: number,
  dimension: number,
): Float64Array {
  const norms = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let d = 0; d < dimension; d++) sum += vectors[i * dimension + d] ** 2;
    return Math.sqrt(sum);
  });
  const distances = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let d = 0; d < dimension; d++) {
        dot += vectors[i * dimension + d] * vectors[j * dimension + d];
      }
      distances[i * count + j] = distances[j * count + i] = 1 - dot / (norms[i] * norms[j]);
    }
  }
  return distances;
}
