/**
 * Objective `swapped`: pixels and regions predict each other's prototypes (paper, section 3.3).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Mode } from "../nn/layers.ts";
import type { StateDict } from "../nn/parameters.ts";
import { variableGrads } from "../ops/variable_grads.ts";
import { randomStream } from "../random.ts";
import type { MixedBatch } from "../records.ts";
import { compare, type Comparison, countUsed, type Level, readComparison } from "./comparison.ts";
import type { PretrainConfig } from "./config.ts";
import { type Encoder, featureStride, normalisePrototypes } from "./encoder.ts";
import { FeatureQueue } from "./feature_queue.ts";
import { microBatches } from "./micro_batches.ts";
import { imagesOf, type Objective, type Proposal, type StepOutcome } from "./objective.ts";
import { samplePixels, sampleRegions } from "./sampling.ts";

/** What is trained on at once: a micro-batch, or the whole of a step's batch. */
interface Part {
  readonly batch: MixedBatch;
  readonly levels: readonly Level[];
  /** How the network is to be asked. */
  readonly training: Mode;
  /** Where features are queued already. */
  readonly queue?: FeatureQueue;
}

/** See the module's comment. */
export class SwappedObjective implements Objective {
  readonly prefix = "queue.";
  readonly #config: PretrainConfig;
  readonly #seed: number;
  readonly #encode: Encoder;
  readonly #prototypes: tf.Variable;
  readonly #queue: FeatureQueue;

  constructor(config: PretrainConfig, seed: number, encode: Encoder, prototypes: tf.Variable) {
    this.#config = config;
    this.#seed = seed;
    this.#encode = encode;
    this.#prototypes = prototypes;
    this.#queue = new FeatureQueue(config.queueLength ?? 0, config.embeddingSize);
  }

  export(): Promise<StateDict> {
    return this.#queue.export(this.prefix);
  }

  check(state: StateDict): () => void {
    return this.#queue.check(state, this.prefix);
  }

  dispose(): void {
    this.#queue.dispose();
  }

  learn(batch: MixedBatch, step: number, variables: tf.Variable[], training: Mode): Proposal {
    const { accumulate = 1, queueStart = 0 } = this.#config;
    const queue = step >= queueStart ? this.#queue : undefined;
    const parts = microBatches(batch, accumulate).map((batch, i): Part => ({
      batch,
      levels: this.#levels(batch, accumulate === 1 ? [step] : [step, i]),
      training,
      queue,
    }));
    const before = tf.keep(tf.clone(this.#prototypes));
    queue?.begin();
    const comparisons: Comparison[] = [];
    const settle = (taken: boolean) => {
      tf.dispose(comparisons.flatMap((found) => [found.lossAndEntropy, found.nearest]));
      queue?.settle(taken);
      if (!taken) this.#prototypes.assign(before);
      before.dispose();
    };
    try {
      const gradients = tf.tidy(() => this.#gradients(parts, variables, comparisons));
      return { gradients, read: () => this.#read(parts, comparisons), settle };
    } catch (error) {
      settle(false);
      throw error;
    }
  }

  /** Reads what the levels of all parts found, and frees it. */
  async #read(parts: readonly Part[], comparisons: readonly Comparison[]): Promise<StepOutcome> {
    const { pixelWeight, regionWeight } = this.#config;
    const outcomes = await Promise.all(comparisons.map(readComparison));
    const levels = parts.flatMap((part) => part.levels);
    const lossOf = (name: Level["name"]) =>
      outcomes.reduce((sum, { loss }, i) => levels[i].name === name ? sum + loss : sum, 0) /
      parts.length;
    const pixelLoss = lossOf("pixel"), regionLoss = lossOf("region");
    return {
      loss: pixelWeight * pixelLoss + regionWeight * regionLoss,
      pixelLoss,
      regionLoss,
      prototypesUsed: countUsed(levels, outcomes),
      assignmentEntropy: outcomes.reduce((sum, o) => sum + o.entropy, 0) / outcomes.length,
    };
  }

  /** The samples of the losses that have a weight; the keys fix them. */
  #levels(batch: MixedBatch, keys: readonly number[]): Level[] {
    const { pixelWeight, regionWeight, pixelSamples, regionSamples, minimumGroup } = this.#config;
    const random = randomStream(this.#seed, "pretrain", "samples", ...keys);
    const options = { minimumGroup, stride: featureStride(this.#config) };
    const levels: Level[] = [];
    if (pixelWeight > 0 && pixelSamples > 0) {
      const samples = samplePixels(batch, { ...options, perImage: pixelSamples }, random);
      levels.push({ name: "pixel", weight: pixelWeight, samples });
    }
    if (regionWeight > 0 && regionSamples > 0) {
      const samples = sampleRegions(batch, { ...options, perImage: regionSamples }, random);
      levels.push({ name: "region", weight: regionWeight, samples });
    }
    return levels;
  }

  /** The mean of the parts' gradients; adds what each level of each part found to `comparisons`. */
  #gradients(
    parts: readonly Part[],
    variables: tf.Variable[],
    comparisons: Comparison[],
  ): tf.NamedTensorMap {
    normalisePrototypes(this.#prototypes);
    let total: tf.NamedTensorMap | undefined;
    for (const part of parts) {
      // A scope of its own, so that one part's activations are gone before the next one's come.
      const gradients = tf.tidy(() =>
        this.#partGradients(part, 1 / parts.length, variables, comparisons)
      );
      total = total ? sumAndFree(total, gradients) : gradients;
    }
    return total!;
  }

  /** The gradient of a part's loss times `share`; adds what its levels found to `comparisons`, features to the queue. */
  #partGradients(
    { batch, levels, training, queue }: Part,
    share: number,
    variables: tf.Variable[],
    comparisons: Comparison[],
  ): tf.NamedTensorMap {
    const images = imagesOf(batch);
    return variableGrads(() => {
      const { projections } = this.#encode(images, training);
      const losses = levels.map(({ name, samples, weight }): tf.Scalar => {
        const earlier = queue?.rows(name);
        const comparison = compare(projections, this.#prototypes, samples, this.#config, earlier);
        queue?.push(name, comparison.features, samples);
        // The scope of the gradient disposes everything but its result.
        comparisons.push({
          lossAndEntropy: tf.keep(comparison.lossAndEntropy),
          nearest: tf.keep(comparison.nearest),
        });
        return tf.mul(tf.sum(tf.slice(comparison.lossAndEntropy, 0, 1)), weight * share);
      });
      return tf.addN(losses) as tf.Scalar;
    }, variables).grads;
  }
}

/** The sums of two sets of gradients, which are freed. */
function sumAndFree(a: tf.NamedTensorMap, b: tf.NamedTensorMap): tf.NamedTensorMap {
  const sums = Object.entries(a).map(([name, gradient]) => {
    const sum = tf.add(gradient, b[name]);
    tf.dispose([gradient, b[name]]);
    return [name, sum] as const;
  });
  return Object.fromEntries(sums);
}
