/**
 * The depth stage: two networks and the step that trains them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Adam } from "../nn/optimizers.ts";
import { ParameterStore, partOf, type StateDict } from "../nn/parameters.ts";
import { withoutClassifier } from "../nn/resnet.ts";
import { type Schedule, stepwise, warmupCosine } from "../nn/schedules.ts";
import { checkTraining, exportTraining, type Trained } from "../nn/training_state.ts";
import { takeStep } from "../nn/training_step.ts";
import { PendingStatistics } from "../ops/running_statistics.ts";
import { variableGrads } from "../ops/variable_grads.ts";
import { type Random, randomStream } from "../random.ts";
import type { DepthMap, Intrinsics } from "../records.ts";
import { assessBatch, type DepthAssessment } from "./assess.ts";
import { type DepthBatch, prepareBatch, type PreparedBatch } from "./augmentation.ts";
import type { Motion } from "./camera.ts";
import { checkDepthConfig, type DepthConfig } from "./config.ts";
import { depthLoss, inverseDepth, type Triplet } from "./depth_loss.ts";
import { checkSize, DepthNetworks } from "./networks.ts";
import { type DepthInput, predictBatch, type PredictOptions } from "./predict.ts";
import { forFramePairs } from "./pose_network.ts";
import { type RefinedMotions, refineMotions } from "./refine_motions.ts";

/** What one step reports. */
export type DepthMetrics = {
  /** photometric + smoothness. */
  readonly loss: number;
  /** Least photometric error, mean over pixels and scales. */
  readonly photometric: number;
  /** Weighted smoothness. */
  readonly smoothness: number;
  /** Share of pixels that auto-masking leaves, 0..1. */
  readonly moving: number;
  readonly learningRate: number;
};

/**
 * Learns depth and motion from three frames at a time (Godard et al. 2019, "Monodepth2"), and answers
 * inverse depths. All of it runs on the current tfjs backend; `dispose` frees its tensors. Equal
 * config, seed and batches give equal bytes on one engine.
 *
 * @example
 * ```ts
 * import { depthBatch, depthTargets, DepthTrainer, readFrames } from "@cpcdr/cpcdr";
 * import { streetScenes, tinyDepthConfig, useDevice } from "@cpcdr/cpcdr";
 * await useDevice("cpu");
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 3 });
 * const size = { height: 64, width: 128 };
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
 * const trainer = new DepthTrainer({ ...tinyDepthConfig, steps: 2 }, 0);
 * const targets = depthTargets(frames, true);
 * for (let step = 0; step < 2; step++) {
 *   const { photometric } = await trainer.step(depthBatch(frames, targets, 2, 0, step), step);
 *   console.log(step, photometric);
 * }
 * const [map] = await trainer.predict(frames);
 * console.log("disparity of the first pixel", map.disparity[0]);
 * trainer.dispose();
 * ```
 */
export class DepthTrainer {
  /** The settings that it was made with. */
  readonly config: DepthConfig;
  readonly #seed: number;
  readonly #store: ParameterStore;
  readonly #networks: DepthNetworks;
  readonly #optimizer: Adam;
  readonly #trained: Trained;
  readonly #schedule: Schedule;

  /**
   * Two networks with random weights.
   *
   * @param seed decides the weights, and how frames are varied at each step.
   * @throws {ConfigError} when a setting is out of its range.
   * @throws {DeviceError} before {@linkcode useDevice}.
   */
  constructor(config: DepthConfig, seed: number) {
    checkDepthConfig(config);
    this.config = config;
    this.#seed = seed;
    this.#store = new ParameterStore(randomStream(seed, "depth", "parameters"));
    this.#networks = new DepthNetworks(this.#store.root, config);
    this.#optimizer = new Adam(this.#store.trainable());
    this.#trained = { store: this.#store, optimizer: this.#optimizer };
    this.#schedule = learningRates(config);
  }

  /**
   * One training step.
   *
   * @param step counts from 0; it decides the learning rate and the augmentation.
   * @throws {ConfigError} when a side of the frames is not a multiple of 32.
   * @throws {DataError} when the batch's arrays do not fit its sizes, or intrinsics are none.
   * @throws {TrainingError} when the loss or a gradient is not finite; weights, running statistics and optimiser
   * are those before the step.
   */
  async step(batch: DepthBatch, step: number): Promise<DepthMetrics> {
    checkSize(batch.height, batch.width);
    const random = randomStream(this.#seed, "depth", step);
    const prepared = prepareBatch(batch, this.config.augmentation, random);
    const learningRate = this.#schedule(step);
    const statistics = new PendingStatistics();
    const { parts, gradients } = this.#learn(batch, prepared, random, statistics);
    const read = async () => {
      const [loss, photometric, smoothness, moving] = await parts.data<"float32">();
      return { loss, photometric, smoothness, moving, learningRate };
    };
    try {
      return await takeStep(
        { gradients, statistics, read },
        { doing: "learning depth", step, learningRate },
        (gradients) => this.#optimizer.step(gradients, learningRate),
      );
    } finally {
      parts.dispose();
    }
  }

  /** Loss, photometric error, smoothness and share of moving pixels `[4]` of a batch, and the gradients. */
  #learn(
    batch: DepthBatch,
    prepared: PreparedBatch,
    random: Random,
    statistics: PendingStatistics,
  ): { readonly parts: tf.Tensor1D; readonly gradients: tf.NamedTensorMap } {
    const mode = { training: true, statistics };
    const shape: [number, number, number, number] = [batch.count, batch.height, batch.width, 3];
    let parts: tf.Tensor1D | undefined;
    try {
      const gradients = tf.tidy(() => {
        const tensors = (values: readonly Float32Array[]) => {
          const [target, ...sources] = values.map((v) => tf.tensor4d(v, shape));
          return { target, sources: sources as [tf.Tensor4D, tf.Tensor4D] };
        };
        const frames = tensors(prepared.frames);
        const varied = { ...tensors(prepared.varied), offsets: batch.offsets };
        return variableGrads(() => {
          const triplet = { ...frames, cameras: this.#networks.cameras(prepared.intrinsics) };
          const disparities = this.#networks.disparities(varied.target, mode, this.config.scales);
          const answered = this.#networks.motions(varied, mode);
          const refined = this.config.alignment.length > 0
            ? this.#fit(triplet, disparities[0], answered)
            : { motions: answered, loss: tf.scalar(0) };
          const result = depthLoss(triplet, disparities, refined.motions, this.config, random);
          const { loss, photometric, smoothness, moving } = result;
          parts = tf.keep(tf.stack([loss, photometric, smoothness, moving])) as tf.Tensor1D;
          return tf.add(loss, refined.loss) as tf.Scalar;
        }, this.#store.trainable()).grads;
      });
      return { parts: parts!, gradients };
    } catch (error) {
      parts?.dispose();
      statistics.dispose();
      throw error;
    }
  }

  /** The motions as alignment makes them, and what the pose network is off by. */
  #fit(
    triplet: Triplet,
    disparity: tf.Tensor4D,
    answered: readonly [Motion, Motion],
  ): RefinedMotions {
    const near = inverseDepth(disparity, this.config);
    const { motions, loss } = refineMotions(triplet, near, answered, this.config);
    return { motions: this.#networks.fitted(motions), loss };
  }

  /**
   * How well frames that need not have been trained on are explained. Motions are aligned as in training;
   * running statistics take the place of the batch's.
   *
   * @throws {ConfigError} when a side of the frames is not a multiple of 32.
   * @throws {DataError} when the batch's arrays do not fit its sizes, or intrinsics are none.
   */
  async assess(batch: DepthBatch): Promise<DepthAssessment> {
    return await assessBatch(this.#networks, this.config, batch);
  }

  /**
   * Inverse depths of frames of one size, at that size.
   *
   * @throws {ConfigError} when a side of the frames is not a multiple of 32, or sizes differ.
   */
  async predict(frames: readonly DepthInput[], options: PredictOptions = {}): Promise<DepthMap[]> {
    const maps: DepthMap[] = [];
    const size = this.config.batchSize;
    for (let start = 0; start < frames.length; start += size) {
      const some = frames.slice(start, start + size);
      maps.push(...await predictBatch(this.#networks, this.config, some, options));
    }
    return maps;
  }

  /**
   * Intrinsics with the focal lengths that were learnt (`learnFocal`) in place of their own; the same where none
   * were.
   */
  async learntIntrinsics(assumed: readonly Intrinsics[]): Promise<Intrinsics[]> {
    const factor = await this.#networks.focalFactor();
    return assumed.map((one) => ({ ...one, fx: one.fx * factor, fy: one.fy * factor }));
  }

  /** A copy of all that training needs to go on: both networks and, under `optimizer.`, the optimiser. */
  async export(): Promise<StateDict> {
    return await exportTraining(this.#trained);
  }

  /** A copy of the depth network's ResNet under torchvision's names, running statistics included. */
  async encoder(): Promise<StateDict> {
    return partOf(await this.#store.export(), ENCODER);
  }

  /**
   * Takes back what {@linkcode DepthTrainer.export} gave. Both networks alone, without any tensor of the optimiser,
   * are enough to predict by; training then goes on with an optimiser that starts afresh.
   *
   * @throws {CheckpointError} when it belongs to another configuration, or part of it is missing; nothing is changed
   * then.
   */
  import(state: StateDict): void {
    checkTraining(this.#trained, state)();
  }

  /**
   * Begins from a ResNet that has learnt elsewhere, under torchvision's names and running statistics included, as
   * Monodepth2 begins from ImageNet's. The depth network takes it as its encoder, and so does a pose network that
   * has its own: that sees two frames, for which the first convolution's weights are repeated and halved. A
   * classifier `fc` may be there.
   *
   * @param weights of a ResNet of the settings' `depth` and `width`.
   * @param poseWeights of a ResNet-18 of `poseWidth`, where that is another one.
   * @throws {CheckpointError} when a tensor is missing, unknown or of another size; nothing is changed then.
   */
  importEncoder(weights: StateDict, poseWeights: StateDict = weights): void {
    const assigns = [this.#store.check(withoutClassifier(weights), ENCODER)];
    if (this.config.poseEncoder === "own") {
      const pose = forFramePairs(withoutClassifier(poseWeights));
      assigns.push(this.#store.check(pose, POSE_ENCODER));
    }
    assigns.forEach((assign) => assign());
  }

  /** Frees every tensor. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#store.dispose();
  }
}

/** What the names of the depth network's ResNet begin with in its state. */
export const ENCODER = "depth.encoder.";

/** What those of the pose network's own begin with. */
const POSE_ENCODER = "pose.encoder.";

function learningRates(config: DepthConfig): Schedule {
  const { schedule, learningRate, steps, warmupSteps } = config;
  if (schedule.kind === "cosine") {
    return warmupCosine({ peak: learningRate, final: schedule.final, warmupSteps, steps });
  }
  const falling = stepwise(learningRate, [Math.round(schedule.at * steps)], schedule.factor);
  return (step) => falling(step) * Math.min(1, (step + 1) / Math.max(1, warmupSteps));
}
