/**
 * Lloyd's k-means with k-means++ seeding (Arthur and Vassilvitskii 2007), the best of several starts.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";

/** Settings of {@linkcode kMeans}. */
export interface KMeansOptions {
  /** Independent starts; the one of smallest inertia is kept. */
  readonly starts: number;
  /** Upper bound of Lloyd iterations in a start; it ends earlier when no point changes cluster. */
  readonly iterations: number;
}

/** The defaults of {@linkcode kMeans}. */
export const defaultKMeansOptions: KMeansOptions = { starts: 4, iterations: 50 };

/** What {@linkcode kMeans} finds. */
export interface KMeansResult {
  /** `[k,dimension]` means. */
  readonly centres: Float64Array;
  /** `[count]` the nearest centre of each point. */
  readonly labels: Int32Array;
  /** Sum over points of the squared distance to their centre. */
  readonly inertia: number;
}

/**
 * Clusters points.
 *
 * @param points `[count,dimension]`.
 * @throws {ConfigError} when there are fewer points than clusters, or the sizes contradict each other.
 */
export function kMeans(
  points: Float32Array | Float64Array,
  dimension: number,
  k: number,
  random: Random,
  options: Partial<KMeansOptions> = {},
): KMeansResult {
  const {
    starts = defaultKMeansOptions.starts,
    iterations = defaultKMeansOptions.iterations,
  } = options;
  const count = points.length / dimension;
  if (!Number.isInteger(count) || !(k >= 1 && k <= count) || !(starts >= 1 && iterations >= 1)) {
    throw new ConfigError(
      `Cannot cluster by k-means: expected 1 <= k <= points and at least one start and iteration, ` +
        `got k ${k}, ${count} points, ${starts} starts, ${iterations} iterations`,
    );
  }
  let best: KMeansResult | undefined;
  for (let start = 0; start < starts; start++) {
    const centres = seedCentres(points, dimension, k, random);
    const result = lloyd(points, dimension, centres, iterations);
    if (!best || result.inertia < best.inertia) best = result;
  }
  return best!;
}

/** k-means++: each next centre is a point drawn with odds of its squared distance to the nearest. */
function seedCentres(
  points: Float32Array | Float64Array,
  dimension: number,
  k: number,
  random: Random,
): Float64Array {
  const count = points.length / dimension;
  const centres = new Float64Array(k * dimension);
  const nearest = new Float64Array(count).fill(Infinity);
  let chosen = random.integer(count);
  for (let c = 0; c < k; c++) {
    centres.set(points.subarray(chosen * dimension, (chosen + 1) * dimension), c * dimension);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const distance = squaredDistance(points, i, centres, c, dimension);
      if (distance < nearest[i]) nearest[i] = distance;
      total += nearest[i];
    }
    let remaining = random.uniform(0, total);
    chosen = total === 0 ? random.integer(count) : 0;
    while (total > 0 && chosen < count - 1 && (remaining -= nearest[chosen]) >= 0) chosen++;
  }
  return centres;
}

function lloyd(
  points: Float32Array | Float64Array,
  dimension: number,
  centres: Float64Array,
  iterations: number,
): KMeansResult {
  const count = points.length / dimension;
  const labels = new Int32Array(count).fill(-1);
  let inertia = assign(points, dimension, centres, labels).inertia;
  for (let iteration = 0; iteration < iterations; iteration++) {
    moveCentres(points, dimension, centres, labels);
    const step = assign(points, dimension, centres, labels);
    inertia = step.inertia;
    if (step.changed === 0) break;
  }
  return { centres, labels, inertia };
}

function assign(
  points: Float32Array | Float64Array,
  dimension: number,
  centres: Float64Array,
  labels: Int32Array,
): { inertia: number; changed: number } {
  let inertia = 0, changed = 0;
  for (let i = 0; i < labels.length; i++) {
    let best = 0, smallest = Infinity;
    for (let c = 0; c * dimension < centres.length; c++) {
      const distance = squaredDistance(points, i, centres, c, dimension);
      if (distance < smallest) {
        smallest = distance;
        best = c;
      }
    }
    inertia += smallest;
    if (labels[i] !== best) changed++;
    labels[i] = best;
  }
  return { inertia, changed };
}

/** Moves every centre to the mean of its points; a centre without points stays where it is. */
function moveCentres(
  points: Float32Array | Float64Array,
  dimension: number,
  centres: Float64Array,
  labels: Int32Array,
): void {
  const sums = new Float64Array(centres.length);
  const sizes = new Float64Array(centres.length / dimension);
  for (let i = 0; i < labels.length; i++) {
    const from = i * dimension, to = labels[i] * dimension;
    for (let d = 0; d < dimension; d++) sums[to + d] += points[from + d];
    sizes[labels[i]]++;
  }
  for (let j = 0; j < centres.length; j++) {
    const size = sizes[Math.floor(j / dimension)];
    if (size > 0) centres[j] = sums[j] / size;
  }
}

function squaredDistance(
  points: Float32Array | Float64Array,
  point: number,
  centres: Float64Array,
  centre: number,
  dimension: number,
): number {
  let sum = 0;
  const a = point * dimension, b = centre * dimension;
  for (let d = 0; d < dimension; d++) {
    const difference = points[a + d] - centres[b + d];
    sum += difference * difference;
  }
  return sum;
}

/**
 * The nearest centre of each point, for points that the centres were not fitted on.
 *
 * @param points `[count,dimension]`; @param centres `[k,dimension]`.
 */
export function nearestCentres(
  points: Float32Array | Float64Array,
  dimension: number,
  centres: Float64Array,
): Int32Array {
  const labels = new Int32Array(points.length / dimension);
  assign(points, dimension, centres, labels);
  return labels;
}
