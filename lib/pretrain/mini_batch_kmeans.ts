/**
 * k-means of directions on more batches than one would hold at once.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";

/** Settings of {@linkcode miniBatchKMeans}. */
export interface MiniBatchKMeansOptions {
  /** Batches that are clustered together first. */
  readonly initialBatches: number;
  /** Times that those move the centroids. */
  readonly iterations: number;
}

/** The defaults of {@linkcode miniBatchKMeans}: as many iterations as PiCIE's code has on Cityscapes. */
export const defaultMiniBatchKMeansOptions: MiniBatchKMeansOptions = {
  initialBatches: 8,
  iterations: 20,
};

/**
 * Clusters rows of unit length by cosine. k rows drawn at random are moved by Lloyd's iterations on the
 * first batches; each later batch then joins its rows to the clusters as they stand (Sculley 2010), whose
 * centroids are the directions of the sums of all that joined. A cluster that loses its last row in an
 * iteration begins again at a random one.
 *
 * @param batches each `[n,dimension]`, rows of unit length.
 * @returns `[k,dimension]` centroids of unit length.
 * @throws {ConfigError} when the first batches have fewer rows than there are clusters.
 */
export async function miniBatchKMeans(
  batches: readonly Float32Array[],
  dimension: number,
  k: number,
  random: Random,
  options: Partial<MiniBatchKMeansOptions> = {},
): Promise<Float32Array> {
  const { initialBatches, iterations } = { ...defaultMiniBatchKMeansOptions, ...options };
  const initial = concatenated(batches.slice(0, initialBatches));
  const count = initial.length / dimension;
  if (count < k) {
    throw new ConfigError(
      `Cannot cluster features: expected at least ${k} of them, got ${count}; use more pixelSamples or fewer prototypes`,
    );
  }
  const row = (i: number) => initial.subarray(i * dimension, (i + 1) * dimension);
  const order = random.shuffle(Array.from({ length: count }, (_, i) => i));
  const centroids = concatenated(order.slice(0, k).map(row));
  let sums = new Float64Array(k * dimension);
  for (let iteration = 0; iteration < iterations; iteration++) {
    sums = new Float64Array(k * dimension);
    const sizes = await join(initial, dimension, centroids, sums);
    sizes.forEach((size, c) => {
      if (size === 0) sums.set(row(random.integer(count)), c * dimension);
    });
    toDirections(sums, dimension, centroids);
  }
  for (const batch of batches.slice(initialBatches)) {
    await join(batch, dimension, centroids, sums);
    toDirections(sums, dimension, centroids);
  }
  return centroids;
}

/** The most similar centroid of each row, `[n]`. */
export async function nearestCentroids(
  rows: Float32Array,
  dimension: number,
  centroids: Float32Array,
): Promise<Int32Array> {
  const nearest = tf.tidy(() => {
    const [a, b] = [rows, centroids].map((values) =>
      tf.tensor2d(values, [values.length / dimension, dimension])
    );
    return tf.argMax(tf.matMul(a, b, false, true), 1);
  });
  const labels = await nearest.data<"int32">();
  nearest.dispose();
  return Int32Array.from(labels);
}

/** Adds each row to the sum of its nearest centroid; answers how many joined each. */
async function join(
  rows: Float32Array,
  dimension: number,
  centroids: Float32Array,
  sums: Float64Array,
): Promise<Int32Array> {
  const labels = await nearestCentroids(rows, dimension, centroids);
  const sizes = new Int32Array(centroids.length / dimension);
  labels.forEach((label, i) => {
    sizes[label]++;
    for (let d = 0; d < dimension; d++) sums[label * dimension + d] += rows[i * dimension + d];
  });
  return sizes;
}

/** A sum of no length leaves the centroid where it was. */
function toDirections(sums: Float64Array, dimension: number, centroids: Float32Array): void {
  for (let start = 0; start < sums.length; start += dimension) {
    const sum = sums.subarray(start, start + dimension);
    const length = Math.hypot(...sum);
    if (length > 0) sum.forEach((value, d) => centroids[start + d] = value / length);
  }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
