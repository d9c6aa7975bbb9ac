/**
 * The contrastive stage: a network and the step that trains it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Adam, type Optimizer, Sgd } from "../nn/optimizers.ts";
import { ParameterStore, partOf, type StateDict } from "../nn/parameters.ts";
import { withoutClassifier } from "../nn/resnet.ts";
import { type Schedule, warmupCosine } from "../nn/schedules.ts";
import { checkTraining, exportTraining, type Trained } from "../nn/training_state.ts";
import { type ProposedStep, takeStep } from "../nn/training_step.ts";
import { PendingStatistics } from "../ops/running_statistics.ts";
import { randomStream } from "../random.ts";
import type { Embedding, Frame, MixedBatch } from "../records.ts";
import { checkPretrainConfig, type PretrainConfig } from "./config.ts";
import { BACKBONE, encoder, type Encoding, normalisePrototypes, unitRows } from "./encoder.ts";
import {
  type FeatureNetwork,
  type FeatureOptions,
  nearestPrototypes,
  readFeatures,
} from "./features.ts";
import type { PretrainMetrics } from "./metrics.ts";
import type { Objective, StepOutcome } from "./objective.ts";
import { PicieObjective } from "./picie_objective.ts";
import { SwappedObjective } from "./swapped_objective.ts";

const BACKBONE_PREFIX = `${BACKBONE}.`;

const projectionsOf = ({ projections }: Encoding) => projections;
const featuresOf = ({ features }: Encoding) => features;

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
  readonly #network: FeatureNetwork;
  readonly #prototypes: tf.Variable;
  readonly #optimizer: Optimizer;
  readonly #trained: Trained;
  readonly #schedule: Schedule;
  readonly #objective: Objective;

  /**
   * A network with random weights.
   *
   * @param seed decides the weights, and the samples of each step.
   * @throws {ConfigError} when a setting is out of its range.
   * @throws {DeviceError} before {@linkcode useDevice}.
   */
  constructor(config: PretrainConfig, seed: number) {
    checkPretrainConfig(config);
    this.config = config;
    this.#seed = seed;
    this.#store = new ParameterStore(randomStream(seed, "pretrain", "parameters"));
    const encode = encoder(this.#store.root, config);
    this.#network = { encode, config };
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
    this.#trained = { store: this.#store, optimizer: this.#optimizer };
    this.#schedule = warmupCosine({
      peak: config.optimizer.learningRate,
      final: config.optimizer.finalLearningRate,
      warmupSteps: config.warmupSteps,
      steps: config.steps,
    });
    this.#objective = config.objective === "picie"
      ? new PicieObjective(config, seed, encode)
      : new SwappedObjective(config, seed, encode, this.#prototypes);
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
   * @throws {TrainingError} when the loss or a gradient is not finite; weights, running statistics, optimiser and
   * queue are those before the step.
   */
  async step(batch: MixedBatch, step: number): Promise<PretrainMetrics> {
    const learningRate = this.#schedule(step);
    const outcome = await takeStep(
      this.#propose(batch, step),
      { doing: "pretraining", step, learningRate },
      (gradients) => this.#optimizer.step(gradients, learningRate),
    );
    return { ...outcome, learningRate };
  }

  #propose(batch: MixedBatch, step: number): ProposedStep<StepOutcome> {
    const statistics = new PendingStatistics(), training = { training: true, statistics };
    try {
      const variables = this.#store.trainable();
      return { ...this.#objective.learn(batch, step, variables, training), statistics };
    } catch (error) {
      statistics.dispose();
      throw error;
    }
  }

  /**
   * Features of frames that are all of one size, each of unit length. Without a frame there are none: 0 by 0.
   *
   * @throws {DataError} when frames differ in size, have too few colours, or a side that the network sees is not a
   * multiple of 32.
   */
  async embed(frames: readonly Frame[], options?: FeatureOptions): Promise<Embedding> {
    const read = { channels: this.config.embeddingSize, pick: projectionsOf, ...options };
    return await readFeatures(this.#network, frames, read);
  }

  /**
   * What the projector sees: the pyramid's features, each brought to unit length.
   *
   * @throws {DataError} as {@linkcode Pretrainer.embed} does.
   */
  async represent(frames: readonly Frame[], options?: FeatureOptions): Promise<Embedding> {
    const read = { channels: this.config.pyramidChannels, pick: featuresOf, ...options };
    return await readFeatures(this.#network, frames, read);
  }

  /**
   * The nearest prototype of every pixel of frames that are all of one size: projections are
   * upsampled bilinearly to full size and compared by cosine. One `[H,W]` array a frame.
   *
   * @throws {DataError} as {@linkcode Pretrainer.embed} does.
   */
  async assign(frames: readonly Frame[], options?: FeatureOptions): Promise<Int32Array[]> {
    const prototypes = this.#prototypes as tf.Tensor2D;
    return await nearestPrototypes(this.#network, prototypes, frames, options);
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
    return new Map([
      ...await exportTraining(this.#trained),
      ...await this.#objective.export?.() ?? [],
    ]);
  }

  /**
   * Takes over such a state. Parameters and running statistics alone, without any tensor of the optimiser, are
   * enough for features; training then goes on with an optimiser that starts afresh.
   *
   * @throws {CheckpointError} when it belongs to another network, or part of it is missing; nothing is changed then.
   */
  import(state: StateDict): void {
    const { prefix } = this.#objective;
    const isTrained = (name: string) => !(prefix && name.startsWith(prefix));
    const assigns = [
      checkTraining(this.#trained, new Map([...state].filter(([name]) => isTrained(name)))),
      this.#objective.check?.(state),
    ];
    assigns.forEach((assign) => assign?.());
  }

  /** A copy of the ResNet under torchvision's names, running statistics included. */
  async backbone(): Promise<StateDict> {
    return partOf(await this.#store.export(), BACKBONE_PREFIX);
  }

  /**
   * Takes over a whole ResNet under torchvision's names, running statistics included, in place of the random
   * backbone. Its classifier `fc` and PyTorch's counters `num_batches_tracked`, which nothing here has, may be
   * there.
   *
   * @throws {CheckpointError} when it is of another depth or width, or part of it is missing; nothing is changed then.
   */
  // deno-lint-ignore require-await -- what is wrong comes out of the promise.
  async importBackbone(weights: StateDict): Promise<void> {
    this.#store.check(withoutClassifier(weights), BACKBONE_PREFIX)();
  }

  /** Frees every tensor. */
  dispose(): void {
    this.#objective.dispose?.();
    this.#optimizer.dispose();
    this.#store.dispose();
  }
}
