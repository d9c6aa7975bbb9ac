/**
 * The contrastive stage: a network and the step that trains it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Adam, type Optimizer, Sgd } from "../nn/optimizers.ts";
import { ParameterStore, partOf, type StateDict } from "../nn/parameters.ts";
import { type Schedule, warmupCosine } from "../nn/schedules.ts";
import { randomStream } from "../random.ts";
import type { Embedding, Frame, MixedBatch } from "../records.ts";
import { checkPretrainConfig, type PretrainConfig } from "./config.ts";
import { BACKBONE, type Encoder, encoder, normalisePrototypes, unitRows } from "./encoder.ts";
import { nearestPrototypes, readFeatures } from "./features.ts";
import { type PretrainMetrics, requireFinite } from "./metrics.ts";
import type { Objective } from "./objective.ts";
import { PicieObjective } from "./picie_objective.ts";
import { SwappedObjective } from "./swapped_objective.ts";

/** What the names of the optimiser's tensors begin with in a checkpoint. */
const OPTIMIZER = "optimizer.";

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
  readonly #objective: Objective;

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
    normalisePrototypes(this.#prototypes);
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
    this.#objective = config.objective === "picie"
      ? new PicieObjective(config, seed, this.#encode)
      : new SwappedObjective(config, seed, this.#encode, this.#prototypes);
  }

  /**
   * To be called before each step, and once with their number after the last; it does nothing unless the objective
   * clusters (`picie`) and it is time to do so anew.
   *
   * @param batchOf the batch of any step, as the steps will get them.
   */
  async recluster(step: number, batchOf: (step: number) => MixedBatch): Promise<void> {
    const centroids = await this.#objective.recluster?.(step, batchOf);
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
    const learningRate = this.#schedule(step);
    const outcome = await this.#objective.learn(
      batch,
      step,
      this.#store.trainable(),
      (gradients) => this.#optimizer.step(gradients, learningRate),
    );
    requireFinite(outcome.loss, step, learningRate);
    return { ...outcome, learningRate };
  }

  /** Features of frames that are all of one size, each of unit length. */
  async embed(frames: readonly Frame[]): Promise<Embedding> {
    return await readFeatures(this.#encode, frames, ({ projections }) => projections);
  }

  /** What the projector sees: the pyramid's features, each brought to unit length. */
  async represent(frames: readonly Frame[]): Promise<Embedding> {
    return await readFeatures(this.#encode, frames, ({ features }) => features);
  }

  /**
   * The nearest prototype of every pixel of frames that are all of one size: projections are
   * upsampled bilinearly to full size and compared by cosine. One `[H,W]` array a frame.
   */
  async assign(frames: readonly Frame[]): Promise<Int32Array[]> {
    return await nearestPrototypes(this.#encode, this.#prototypes as tf.Tensor2D, frames);
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
      ...await this.#objective.export?.() ?? [],
    ]);
  }

  /** Takes over such a state. @throws {CheckpointError} when it belongs to another network. */
  import(state: StateDict): void {
    const { prefix } = this.#objective;
    const isNetwork = (name: string) =>
      !name.startsWith(OPTIMIZER) && !(prefix && name.startsWith(prefix));
    this.#store.import(new Map([...state].filter(([name]) => isNetwork(name))));
    this.#optimizer.import(partOf(state, OPTIMIZER));
    this.#objective.import?.(state);
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
    this.#objective.dispose?.();
    this.#optimizer.dispose();
    this.#store.dispose();
  }
}
