/**
 * The clusters that objective `picie` assigns pixels to, for some steps at a time.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type StateDict, takeTensor } from "../nn/parameters.ts";
import type { Random } from "../random.ts";
import { miniBatchKMeans, nearestCentroids } from "./mini_batch_kmeans.ts";
import { type ViewCentroids, type ViewPairs, viewPairs } from "./picie.ts";
import type { SampleSet } from "./sampling.ts";

/** What is clustered of a step: its samples, and the features `[N,D]` of unit length of their slots. */
export interface StepFeatures {
  readonly samples: SampleSet;
  readonly rows: Float32Array;
}

/**
 * Centroids of both views, and the cluster of each sample of the steps until the next clustering; both
 * are part of a checkpoint, since the network that found them has changed by then.
 */
export class ViewClusters {
  #firstStep = -1;
  #centroids: ViewCentroids | undefined;
  #labels: Int32Array[] = [];

  /** @param k clusters a view; @param dimension length of a feature. */
  constructor(readonly k: number, readonly dimension: number) {}

  /** Clusters what the coming steps will see, each view apart, and labels it. */
  async fit(firstStep: number, steps: readonly StepFeatures[], random: Random): Promise<void> {
    const { k, dimension } = this;
    const pairs = steps.map(({ samples }) => viewPairs(samples));
    const fitView = (view: keyof ViewPairs) => {
      const rows = steps.map(({ rows }, i) => gathered(rows, pairs[i][view], dimension));
      return miniBatchKMeans(rows, dimension, k, random);
    };
    const centroids = [await fitView("first"), await fitView("second")] as const;
    const labels: Int32Array[] = [];
    for (const { samples, rows } of steps) {
      const half = samples.groups.length / 2;
      const sides = [rows.subarray(0, half * dimension), rows.subarray(half * dimension)];
      const own = new Int32Array(samples.groups.length);
      for (const [side, part] of sides.entries()) {
        own.set(await nearestCentroids(part, dimension, centroids[side]), side * half);
      }
      labels.push(own);
    }
    [this.#firstStep, this.#centroids, this.#labels] = [firstStep, centroids, labels];
  }

  /** The centroids, and the cluster of each slot of a step. @throws {CheckpointError} when it was not labelled. */
  at(step: number): { centroids: ViewCentroids; labels: Int32Array } {
    const labels = this.#labels[step - this.#firstStep];
    if (this.#centroids && labels) return { centroids: this.#centroids, labels };
    throw new CheckpointError(
      `Cannot train step ${step} by clusters: expected it to be labelled, got labels of ${this.#labels.length} ` +
        `steps from ${this.#firstStep}; call recluster before each step`,
    );
  }

  /** A copy of centroids and labels; nothing before the first clustering. */
  export(): StateDict {
    if (!this.#centroids) return new Map();
    const { k, dimension } = this;
    const slots = this.#labels[0].length;
    const labels = new Int32Array(this.#labels.length * slots);
    this.#labels.forEach((own, i) => labels.set(own, i * slots));
    const centroids = new Float32Array(2 * k * dimension);
    this.#centroids.forEach((own, i) => centroids.set(own, i * k * dimension));
    return new Map([
      ["centroids", { dtype: "F32", shape: [2, k, dimension], data: centroids }],
      ["labels", { dtype: "I32", shape: [this.#labels.length, slots], data: labels }],
      ["firstStep", { dtype: "I32", shape: [1], data: Int32Array.of(this.#firstStep) }],
    ]);
  }

  /**
   * Checks such a copy; what it answers takes it over and cannot fail. A state without any leaves all as it is.
   *
   * @throws {CheckpointError} when they are of another size.
   */
  check(state: StateDict): () => void {
    if (state.size === 0) return () => {};
    const { k, dimension } = this;
    const centroids = Float32Array.from(takeTensor(state, "centroids", [2, k, dimension]).data);
    const [count = 0, slots = 0] = state.get("labels")?.shape ?? [];
    const labels = Int32Array.from(takeTensor(state, "labels", [count, slots]).data);
    const [firstStep] = takeTensor(state, "firstStep", [1]).data;
    return () => {
      this.#firstStep = firstStep;
      this.#centroids = [centroids.slice(0, k * dimension), centroids.slice(k * dimension)];
      this.#labels = Array.from(
        { length: count },
        (_, i) => labels.slice(i * slots, (i + 1) * slots),
      );
    };
  }
}

function gathered(rows: Float32Array, slots: Int32Array, dimension: number): Float32Array {
  const result = new Float32Array(slots.length * dimension);
  slots.forEach((slot, i) =>
    result.set(rows.subarray(slot * dimension, (slot + 1) * dimension), i * dimension)
  );
  return result;
}
