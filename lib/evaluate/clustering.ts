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
