/**
 * The contrastive stage: a network and the step that trains it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { TrainingError } from "../errors.ts";
import { Adam, type Optimizer, Sgd } from "../nn/optimizers.ts";
import { ParameterStore, partOf, type StateDict } from "../nn/parameters.ts";
import { type Schedule, warmupCosine } from "../nn/schedules.ts";
import { resizeBilinear } from "../ops/resize.ts";
import { randomStream } from "../random.ts";
import type { Embedding, Frame, MixedBatch } from "../records.ts";
import { compare, type Comparison, countUsed, type Level, readComparison } from "./comparison.ts";
import { checkPretrainConfig, type PretrainConfig } from "./config.ts";
import {
  BACKBONE,
  type Encoder,
  encoder,
  type Encoding,
  featureStride,
  frameBatch,
  unitRows,
} from "./encoder.ts";
import { microBatches } from "./micro_batches.ts";
import { PicieObjective } from "./picie_objective.ts";
import { samplePixels, sampleRegions } from "./sampling.ts";

/** What one step reports. */
export type PretrainMetrics = {
  /** pixelWeight * pixelLoss + regionWeight * regionLoss. */
  readonly loss: number;
  /** Cross entropy in nats; log K is the loss of a network that tells nothing apart. */
  readonly pixelLoss: number;
  readonly regionLoss: number;
  readonly learningRate: number;
  /** Prototypes that are the nearest of at least one sample of this step. */
  readonly prototypesUsed: number;
  /** Mean entropy of the assignments divided by log K, 0..1. */
  readonly assignmentEntropy: number;
};

/** What the names of the optimiser's tensors begin with in a checkpoint. */
const OPTIMIZER = "optimizer.";
/** What those of the clusters of objective `picie` begin with. */
const CLUSTERS = "clusters.";

/** Rows x prototypes that {@linkcode Pretrainer.assign} compares at a time. */
const ASSIGN_ENTRIES = 1 << 22;

/** What is trained on at once: a micro-batch, or the whole of a step's batch. */
interface Part {
  readonly batch: MixedBatch;
  readonly levels: readonly Level[];
}

/**
 * Trains features by swapped prediction on mixed images, and answers features of frames. All of it
 * runs on the current tfjs backend; `dispose` frees its tensors. Equal config, seed and batches
 * give equal bytes on one engine.
 *
 * @example
 * ```ts
 * import { depthRegions, mixedBatch, mixSource, Pretrainer, readFrames } from "@cpcdr/cpcdr";
 * import { streetScenes, tinyMixConfig, tinyPretrainConfig, useDevice } from "@cpcdr/cpcdr";
 * await useDevice("cpu");
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 3, framesPerSequence: 1 });
 * const size = { height: 64, width: 128 };
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
 * const sources = frames.map((frame) => {
 *   const depth = { ...size, disparity: frame.depth!.map((metres) => 1 / metres) };
 *   return mixSource(frame, depth, depthRegions(depth, frame.intrinsics!));
 * });
 * const pretrainer = new Pretrainer({ ...tinyPretrainConfig, steps: 2 }, 0);
 * for (let step = 0; step < 2; step++) {
 *   const { loss } = await pretrainer.step(mixedBatch(sources, tinyMixConfig, 0, step), step);
 *   console.log(step, loss);
 * }
 * const { count, height, width, channels } = await pretrainer.embed(frames);
 * console.log(`${count} x ${height} x ${width} features of ${channels} numbers`);
 * pretrainer.dispose();
 * ```
 */
export class Pretrainer {
  /** The settings that it was made with. */
  readonly config: PretrainConfig;
  readonly #seed: number;
  readonly #store: ParameterStore;
  readonly #encode: Encoder;
  readonly #prototypes: tf.Variable;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;
  readonly #picie: PicieObjective | undefined;

  /**
   * A network with random weights.
   *
   * @param seed decides the weights, and the samples of each step.
   * @throws {ConfigError} when a setting is out of its range.
   */
  constructor(config: PretrainConfig, seed: number) {
    checkPretrainConfig(config);
    this.config = config;
    this.#seed = seed;
    this.#store = new ParameterStore(randomStream(seed, "pretrain", "parameters"));
    this.#encode = encoder(this.#store.root, config);
    this.#prototypes = this.#store.root.weight(
      "prototypes",
      [config.prototypes, config.embeddingSize],
      (random) => random.normal(),
    );
    this.#normalisePrototypes();
    const { kind, momentum, weightDecay } = config.optimizer;
    const variables = this.#store.trainable();
    this.#optimizer = kind === "adam"
      ? new Adam(variables, { beta1: momentum, weightDecay })
      : new Sgd(variables, { momentum, weightDecay });
    this.#schedule = warmupCosine({
      peak: config.optimizer.learningRate,
      final: config.optimizer.finalLearningRate,
      warmupSteps: config.warmupSteps,
      steps: config.steps,
    });
    if (config.objective === "picie") {
      this.#picie = new PicieObjective(config, seed, this.#encode);
    }
  }

  /**
   * To be called before each step, and once with their number after the last; it does nothing unless the objective is
   * `picie` and it is time to cluster anew.
   *
   * @param batchOf the batch of any step, as the steps will get them.
   */
  async recluster(step: number, batchOf: (step: number) => MixedBatch): Promise<void> {
    const centroids = await this.#picie?.recluster(step, batchOf);
    if (!centroids) return;
    const { shape } = this.#prototypes;
    tf.tidy(() => this.#prototypes.assign(tf.tensor(centroids, shape)));
  }

  /**
   * One training step.
   *
   * @param step counts from 0; it decides the learning rate and the samples.
   * @throws {TrainingError} when the loss is not finite; the parameters are spoilt then.
   */
  async step(batch: MixedBatch, step: number): Promise<PretrainMetrics> {
    if (this.#picie) return await this.#stepByClusters(this.#picie, batch, step);
    const { pixelWeight, regionWeight, accumulate = 1 } = this.config;
    const parts = microBatches(batch, accumulate).map((batch, i): Part => ({
      batch,
      levels: this.#levels(batch, accumulate === 1 ? [step] : [step, i]),
    }));
    const learningRate = this.#schedule(step);
    const comparisons = tf.tidy(() => this.#update(parts, learningRate));
    const outcomes = await Promise.all(comparisons.map(readComparison));
    const levels = parts.flatMap((part) => part.levels);
    const lossOf = (name: Level["name"]) =>
      outcomes.reduce((sum, { loss }, i) => levels[i].name === name ? sum + loss : sum, 0) /
      accumulate;
    const pixelLoss = lossOf("pixel"), regionLoss = lossOf("region");
    const loss = pixelWeight * pixelLoss + regionWeight * regionLoss;
    requireFinite(loss, step, learningRate);
    return {
      loss,
      pixelLoss,
      regionLoss,
      learningRate,
      prototypesUsed: countUsed(levels, outcomes),
      assignmentEntropy: outcomes.reduce((sum, o) => sum + o.entropy, 0) / outcomes.length,
    };
  }

  /** One step of objective `picie`, whose loss is all of the pixel level; its targets are hard. */
  async #stepByClusters(
    picie: PicieObjective,
    batch: MixedBatch,
    step: number,
  ): Promise<PretrainMetrics> {
    const learningRate = this.#schedule(step);
    let used = 0;
    const value = tf.tidy(() => {
      const found = picie.gradients(batch, step, this.#store.trainable());
      this.#optimizer.step(found.grads, learningRate);
      used = found.used;
      return found.loss;
    });
    const [loss] = await value.data<"float32">();
    value.dispose();
    requireFinite(loss, step, learningRate);
    return {
      loss,
      pixelLoss: loss,
      regionLoss: 0,
      learningRate,
      prototypesUsed: used,
      assignmentEntropy: 0,
    };
  }

  /** The samples of the losses that have a weight; the keys fix them. */
  #levels(batch: MixedBatch, keys: readonly number[]): Level[] {
    const { pixelWeight, regionWeight, pixelSamples, regionSamples, minimumGroup } = this.config;
    const random = randomStream(this.#seed, "pretrain", "samples", ...keys);
    const options = { minimumGroup, stride: featureStride(this.config) };
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

  /**
   * Moves the parameters by the mean of the parts' gradients; answers what each level of each part found,
   * for the caller to read and dispose.
   */
  #update(parts: readonly Part[], learningRate: number): Comparison[] {
    this.#normalisePrototypes();
    const comparisons: Comparison[] = [];
    let total: tf.NamedTensorMap | undefined;
    for (const part of parts) {
      // A scope of its own, so that one part's activations are gone before the next one's come.
      const gradients = tf.tidy(() => this.#gradients(part, 1 / parts.length, comparisons));
      total = total ? sumAndFree(total, gradients) : gradients;
    }
    this.#optimizer.step(total!, learningRate);
    return comparisons;
  }

  /** The gradient of a part's loss times `share`; adds what its levels found to `comparisons`. */
  #gradients(
    { batch, levels }: Part,
    share: number,
    comparisons: Comparison[],
  ): tf.NamedTensorMap {
    const { count, height, width } = batch;
    const images = tf.tensor4d(batch.images, [count, height, width, 3]);
    return tf.variableGrads(() => {
      const { projections } = this.#encode(images, { training: true });
      const losses = levels.map(({ samples, weight }): tf.Scalar => {
        const comparison = compare(projections, this.#prototypes, samples, this.config);
        // The scope of the gradient disposes everything but its result.
        comparisons.push({
          lossAndEntropy: tf.keep(comparison.lossAndEntropy),
          nearest: tf.keep(comparison.nearest),
        });
        return tf.mul(tf.sum(tf.slice(comparison.lossAndEntropy, 0, 1)), weight * share);
      });
      return tf.addN(losses) as tf.Scalar;
    }, this.#store.trainable()).grads;
  }

  /** Features of frames that are all of one size, each of unit length. */
  async embed(frames: readonly Frame[]): Promise<Embedding> {
    return await this.#read(frames, ({ projections }) => projections);
  }

  /** What the projector sees: the pyramid's features, each brought to unit length. */
  async represent(frames: readonly Frame[]): Promise<Embedding> {
    return await this.#read(frames, ({ features }) => features);
  }

  async #read(frames: readonly Frame[], pick: (e: Encoding) => tf.Tensor4D): Promise<Embedding> {
    const rows = tf.tidy(() => {
      const map = pick(this.#encode(frameBatch(frames), { training: false }));
      const channels = map.shape[3];
      return tf.reshape(unitRows(tf.reshape(map, [-1, channels])), map.shape);
    });
    const values = await rows.data<"float32">();
    const [count, height, width, channels] = rows.shape;
    rows.dispose();
    return { count, height, width, channels, values };
  }

  /**
   * The nearest prototype of every pixel of frames that are all of one size: projections are
   * upsampled bilinearly to full size and compared by cosine. One `[H,W]` array a frame.
   */
  async assign(frames: readonly Frame[]): Promise<Int32Array[]> {
    const { height, width } = frames[0];
    const nearest = tf.tidy(() => {
      const { projections } = this.#encode(frameBatch(frames), { training: false });
      return frames.map((_, n) => {
        const one = tf.slice(projections, [n, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
        const full = resizeBilinear(one, height, width);
        const rows = tf.reshape(full, [height * width, -1]) as tf.Tensor2D;
        return nearestRows(rows, this.#prototypes as tf.Tensor2D);
      });
    });
    const ids = await Promise.all(nearest.map((tensor) => tensor.data<"int32">()));
    tf.dispose(nearest);
    return ids;
  }

  /** `[K,D]` prototypes of unit length. */
  async prototypes(): Promise<Float32Array> {
    const unit = unitRows(this.#prototypes as tf.Tensor2D);
    const values = await unit.data<"float32">();
    unit.dispose();
    return values;
  }

  /**
   * Parameters, running statistics and, under `optimizer.`, the optimiser's state: all that a resumed
   * run needs to go on to the same bytes.
   */
  async export(): Promise<StateDict> {
    const moments = [...await this.#optimizer.export()];
    return new Map([
      ...await this.#store.export(),
      ...moments.map(([name, tensor]) => [OPTIMIZER + name, tensor] as const),
      ...[...this.#picie?.clusters.export() ?? []]
        .map(([name, tensor]) => [CLUSTERS + name, tensor] as const),
    ]);
  }

  /** Takes over such a state. @throws {CheckpointError} when it belongs to another network. */
  import(state: StateDict): void {
    const apart = this.#picie ? [OPTIMIZER, CLUSTERS] : [OPTIMIZER];
    this.#store.import(
      new Map([...state].filter(([name]) => !apart.some((prefix) => name.startsWith(prefix)))),
    );
    this.#optimizer.import(partOf(state, OPTIMIZER));
    this.#picie?.clusters.import(partOf(state, CLUSTERS));
  }

  /** A copy of the ResNet under torchvision's names, running statistics included. */
  async backbone(): Promise<StateDict> {
    return partOf(await this.#store.export(), `${BACKBONE}.`);
  }

  /**
   * Takes over a ResNet under torchvision's names, running statistics included, in place of the random
   * backbone. Its classifier `fc`, which nothing here has, may be there.
   *
   * @throws {CheckpointError} when it is of another depth or width; nothing is changed then.
   */
  async importBackbone(weights: StateDict): Promise<void> {
    const state = await this.#store.export();
    for (const [name, tensor] of weights) {
      if (!name.startsWith("fc.")) state.set(`${BACKBONE}.${name}`, tensor);
    }
    this.#store.import(state);
  }

  /** Frees every tensor. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#store.dispose();
  }

  #normalisePrototypes(): void {
    tf.tidy(() => this.#prototypes.assign(unitRows(this.#prototypes as tf.Tensor2D)));
  }
}

function requireFinite(loss: number, step: number, learningRate: number): void {
  if (Number.isFinite(loss)) return;
  throw new TrainingError(
    `Cannot go on pretraining at step ${step}: expected a finite loss, got ${loss}; lower the ` +
      `learning rate (now ${learningRate}) and resume from the last checkpoint`,
  );
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

/** The most similar row of `prototypes` for each of `rows`, some rows at a time. */
function nearestRows(rows: tf.Tensor2D, prototypes: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const unit = unitRows(prototypes);
    const [count, dimension] = rows.shape;
    const step = Math.max(1, Math.floor(ASSIGN_ENTRIES / prototypes.shape[0]));
    const parts: tf.Tensor1D[] = [];
    for (let start = 0; start < count; start += step) {
      const some = tf.slice(rows, [start, 0], [Math.min(step, count - start), dimension]);
      parts.push(tf.tidy(() => tf.argMax(tf.matMul(some, unit, false, true), 1)));
    }
    return tf.concat(parts);
  });
}

/**
 * A line that says that the network is collapsing and what to do, or undefined. It is a warning:
 * early steps may look like it and recover.
 */
export function collapseWarning(
  metrics: PretrainMetrics,
  config: PretrainConfig,
): string | undefined {
  const least = Math.max(2, Math.ceil(config.prototypes * COLLAPSED_SHARE));
  if (metrics.prototypesUsed >= least && metrics.assignmentEntropy < COLLAPSED_ENTROPY) return;
  return `Features may be collapsing: ${metrics.prototypesUsed} of ${config.prototypes} prototypes ` +
    `used, assignment entropy ${
      metrics.assignmentEntropy.toFixed(2)
    } of 1; lower the learning rate ` +
    "or epsilon, or mix more sources";
}

/** Fewer prototypes in use than this share of all, or more entropy, counts as collapse. */
const COLLAPSED_SHARE = 0.02;
const COLLAPSED_ENTROPY = 0.95;
