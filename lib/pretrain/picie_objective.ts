/**
 * Objective `picie` on the network of the contrastive stage: when to cluster, and a step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Mode } from "../nn/layers.ts";
import { partOf, type StateDict } from "../nn/parameters.ts";
import { variableGrads } from "../ops/variable_grads.ts";
import { randomStream } from "../random.ts";
import type { MixedBatch } from "../records.ts";
import { sampleRows } from "./comparison.ts";
import type { PretrainConfig } from "./config.ts";
import { type Encoder, featureStride } from "./encoder.ts";
import { imagesOf, type Objective, type Proposal, type StepOutcome } from "./objective.ts";
import { picieLoss, viewPairs } from "./picie.ts";
import { samplePixels, type SampleSet } from "./sampling.ts";
import { type StepFeatures, ViewClusters } from "./view_clusters.ts";

/** See the module's comment. */
export class PicieObjective implements Objective {
  readonly prefix = "clusters.";
  readonly #clusters: ViewClusters;
  readonly #config: PretrainConfig;
  readonly #seed: number;
  readonly #encode: Encoder;

  constructor(config: PretrainConfig, seed: number, encode: Encoder) {
    this.#clusters = new ViewClusters(config.prototypes, config.embeddingSize);
    this.#config = config;
    this.#seed = seed;
    this.#encode = encode;
  }

  /**
   * Before the first step of a period, and after the last step of all: clusters the features of the coming steps'
   * batches by the network as it is. Answers the first view's centroids `[K,D]`, or undefined where it is not time.
   */
  async recluster(
    step: number,
    batchOf: (step: number) => MixedBatch,
  ): Promise<Float32Array | undefined> {
    const { reclusterEvery = 50, steps } = this.#config;
    if (step % reclusterEvery !== 0 && step !== steps) return undefined;
    const coming: StepFeatures[] = [];
    for (let s = step; s < step + reclusterEvery; s++) {
      const batch = batchOf(s);
      coming.push(await this.#features(batch, this.#samples(batch, s)));
    }
    await this.#clusters.fit(step, coming, randomStream(this.#seed, "pretrain", "clusters", step));
    return this.#clusters.at(step).centroids[0];
  }

  /** The loss is all of the pixel level; its targets are hard. */
  learn(batch: MixedBatch, step: number, variables: tf.Variable[], training: Mode): Proposal {
    const samples = this.#samples(batch, step), pairs = viewPairs(samples);
    const { centroids, labels } = this.#clusters.at(step);
    const { value, grads: gradients } = tf.tidy(() =>
      variableGrads(() => {
        const { projections } = this.#encode(imagesOf(batch), training);
        const rows = sampleRows(projections, samples);
        return picieLoss(rows, pairs, labels, centroids, this.#config.temperature);
      }, variables)
    );
    // Clusters that samples of this step belong to, of the view that has most.
    const used = [pairs.first, pairs.second]
      .map((slots) => new Set(Array.from(slots, (slot) => labels[slot])).size);
    const read = async (): Promise<StepOutcome> => {
      const [loss] = await value.data<"float32">();
      return {
        loss,
        pixelLoss: loss,
        regionLoss: 0,
        prototypesUsed: Math.max(...used),
        assignmentEntropy: 0,
      };
    };
    return { gradients, read, settle: () => value.dispose() };
  }

  export(): StateDict {
    const entries = [...this.#clusters.export()];
    return new Map(entries.map(([name, tensor]) => [this.prefix + name, tensor]));
  }

  check(state: StateDict): () => void {
    return this.#clusters.check(partOf(state, this.prefix));
  }

  #samples(batch: MixedBatch, step: number): SampleSet {
    const options = {
      perImage: this.#config.pixelSamples,
      minimumGroup: 2,
      stride: featureStride(this.#config),
    };
    return samplePixels(batch, options, randomStream(this.#seed, "pretrain", "samples", step));
  }

  async #features(batch: MixedBatch, samples: SampleSet): Promise<StepFeatures> {
    const rows = tf.tidy(() => {
      const { projections } = this.#encode(imagesOf(batch), { training: false });
      return sampleRows(projections, samples);
    });
    const values = await rows.data<"float32">();
    rows.dispose();
    return { samples, rows: Float32Array.from(values) };
  }
}
