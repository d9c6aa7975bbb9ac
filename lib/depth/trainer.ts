/**
 * The depth stage: two networks and the step that trains them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, TrainingError } from "../errors.ts";
import { Adam } from "../nn/optimizers.ts";
import type { Mode } from "../nn/layers.ts";
import { ParameterStore, partOf, type StateDict } from "../nn/parameters.ts";
import { type Schedule, stepwise, warmupCosine } from "../nn/schedules.ts";
import { randomStream } from "../random.ts";
import type { DepthMap, Frame } from "../records.ts";
import { type DepthBatch, mirrorRows, prepareBatch, toFloats } from "./augmentation.ts";
import { checkDepthConfig, type DepthConfig } from "./config.ts";
import { depthLoss, inverseDepth, viewErrors } from "./depth_loss.ts";
import { type DepthNetwork, depthNetwork } from "./depth_network.ts";
import { blendMirrored } from "./post_process.ts";
import type { RigidMotion } from "./pose_metrics.ts";
import { type PoseNetwork, poseNetwork } from "./pose_network.ts";
import { refineMotions } from "./refine_motions.ts";
import { type FrameGroup, sourceMotions } from "./source_motions.ts";

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

/** What {@linkcode DepthTrainer.predict} needs of a frame. */
export type DepthInput = Pick<Frame, "rgb" | "height" | "width">;

/** Settings of {@linkcode DepthTrainer.predict}. */
export interface PredictOptions {
  /**
   * Also looks at the mirrored frame and blends both answers, which costs twice the time; false by
   * default.
   */
  readonly mirror?: boolean;
}

/** What {@linkcode DepthTrainer.assess} answers. */
export interface DepthAssessment {
  /** For each target the motions of points to both sources' cameras. */
  readonly motions: readonly (readonly [RigidMotion, RigidMotion])[];
  /** Least photometric error over both sources, mean over pixels, 0..1. */
  readonly photometric: number;
  /** The same of the sources as they are: what neither depth nor motion explains. */
  readonly unmoved: number;
}

const TRAINING = { training: true };
const ANSWERING = { training: false };

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
  readonly #depth: DepthNetwork;
  readonly #pose: PoseNetwork;
  readonly #optimizer: Adam;
  readonly #schedule: Schedule;

  /**
   * Two networks with random weights.
   *
   * @param seed decides the weights, and how frames are varied at each step.
   * @throws {ConfigError} when a setting is out of its range.
   */
  constructor(config: DepthConfig, seed: number) {
    checkDepthConfig(config);
    this.config = config;
    this.#seed = seed;
    this.#store = new ParameterStore(randomStream(seed, "depth", "parameters"));
    this.#depth = depthNetwork(this.#store.root.child("depth"), config);
    this.#pose = poseNetwork(this.#store.root.child("pose"), config);
    this.#optimizer = new Adam(this.#store.trainable());
    this.#schedule = learningRates(config);
  }

  /**
   * One training step.
   *
   * @param step counts from 0; it decides the learning rate and the augmentation.
   * @throws {ConfigError} when a side of the frames is not a multiple of 32.
   * @throws {DataError} when the batch's arrays do not fit its sizes.
   * @throws {TrainingError} when the loss is not finite; the weights are those before the step.
   */
  async step(batch: DepthBatch, step: number): Promise<DepthMetrics> {
    checkSize(batch.height, batch.width);
    const random = randomStream(this.#seed, "depth", step);
    const prepared = prepareBatch(batch, this.config.augmentation, random);
    const learningRate = this.#schedule(step);
    const shape: [number, number, number, number] = [batch.count, batch.height, batch.width, 3];
    const { parts, gradients } = tf.tidy(() => {
      const tensors = (values: readonly Float32Array[]) => {
        const [target, ...sources] = values.map((v) => tf.tensor4d(v, shape));
        return { target, sources: sources as [tf.Tensor4D, tf.Tensor4D] };
      };
      const triplet = { ...tensors(prepared.frames), intrinsics: prepared.intrinsics };
      const varied = { ...tensors(prepared.varied), offsets: batch.offsets };
      let parts: tf.Tensor1D | undefined;
      const { grads } = tf.variableGrads(() => {
        const disparities = this.#disparityMaps(varied.target, TRAINING, this.config.scales);
        const answered = this.#motions(varied, TRAINING);
        const refined = this.config.alignment.length > 0
          ? refineMotions(triplet, inverseDepth(disparities[0], this.config), answered, this.config)
          : { motions: answered, loss: tf.scalar(0) };
        const result = depthLoss(triplet, disparities, refined.motions, this.config, random);
        const { loss, photometric, smoothness, moving } = result;
        parts = tf.keep(tf.stack([loss, photometric, smoothness, moving])) as tf.Tensor1D;
        return tf.add(loss, refined.loss) as tf.Scalar;
      }, this.#store.trainable());
      return { parts: parts!, gradients: grads };
    });
    const [loss, photometric, smoothness, moving] = await parts.data();
    parts.dispose();
    if (Number.isFinite(loss)) this.#optimizer.step(gradients, learningRate);
    tf.dispose(gradients);
    if (!Number.isFinite(loss)) {
      throw new TrainingError(
        `Cannot go on learning depth: expected a finite loss at step ${step}, got ${loss}; ` +
          `lower the learning rate`,
      );
    }
    return { loss, photometric, smoothness, moving, learningRate };
  }

  /** The depth network's answers with the mean that the settings ask for. */
  #disparityMaps(images: tf.Tensor4D, mode: Mode, scales: number): tf.Tensor4D[] {
    const mean = this.config.meanDisparity;
    const maps = this.#depth(images, mode, scales);
    return mean === 0
      ? maps
      : maps.map((d) => tf.mul(d, tf.div(mean, tf.mean(d, [1, 2, 3], true))));
  }

  /** Both pairs of frames in one pass. */
  #motions({ target, sources: [first, second], offsets }: FrameGroup, mode: Mode) {
    const { poseShrink } = this.config;
    const small = (x: tf.Tensor4D) =>
      poseShrink === 1 ? x : tf.avgPool(x, poseShrink, poseShrink, "valid");
    const group: FrameGroup = {
      target: small(target),
      sources: [small(first), small(second)],
      offsets,
    };
    return sourceMotions(this.#pose, group, mode);
  }

  /**
   * How well frames that need not have been trained on are explained. Motions are aligned as in training;
   * running statistics take the place of the batch's.
   *
   * @throws {ConfigError} when a side of the frames is not a multiple of 32.
   */
  async assess(batch: DepthBatch): Promise<DepthAssessment> {
    checkSize(batch.height, batch.width);
    const { count, offsets, intrinsics } = batch;
    const shape: [number, number, number, number] = [count, batch.height, batch.width, 3];
    const answers = tf.tidy(() => {
      const [target, first, second] = [batch.target, ...batch.sources].map((pixels) =>
        tf.tensor4d(toFloats(pixels), shape)
      );
      const triplet = { target, sources: [first, second] as const, intrinsics };
      const [disparity] = this.#disparityMaps(target, ANSWERING, 1);
      const answered = this.#motions({ ...triplet, offsets }, ANSWERING);
      const { motions } = this.config.alignment.length > 0
        ? refineMotions(triplet, inverseDepth(disparity, this.config), answered, this.config)
        : { motions: answered };
      const { moved, unmoved } = viewErrors(triplet, disparity, motions, this.config);
      const flat = motions.flatMap(({ rotation, translation }) => [
        tf.reshape(rotation, [count, 9]),
        translation,
      ]);
      return { motions: tf.concat(flat, 1), errors: tf.stack([moved, unmoved]) };
    });
    const numbers = await answers.motions.data();
    const [photometric, unmoved] = await answers.errors.data();
    tf.dispose(answers);
    const motionAt = (at: number): RigidMotion => ({
      rotation: numbers.slice(at, at + 9),
      translation: numbers.slice(at + 9, at + 12),
    });
    const motions = Array.from(
      { length: count },
      (_, i) => [motionAt(24 * i), motionAt(24 * i + 12)] as const,
    );
    return { motions, photometric, unmoved };
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
      maps.push(...await this.#predictBatch(frames.slice(start, start + size), options));
    }
    return maps;
  }

  async #predictBatch(frames: readonly DepthInput[], { mirror = false }: PredictOptions) {
    const { height, width } = frames[0];
    checkSize(height, width);
    const images = frames.map((frame) => {
      if (frame.height !== height || frame.width !== width) {
        throw new ConfigError(
          `Cannot predict depth: expected frames of ${width}x${height} as the first, ` +
            `got ${frame.width}x${frame.height}; read all frames at one size`,
        );
      }
      return toFloats(frame.rgb);
    });
    const direct = await this.#disparities(images, height, width);
    if (!mirror) return direct.map((disparity) => ({ height, width, disparity }));
    images.forEach((pixels) => mirrorRows(pixels, width));
    const mirrored = await this.#disparities(images, height, width);
    return direct.map((disparity, i) => ({
      height,
      width,
      disparity: blendMirrored(disparity, mirrored[i], width),
    }));
  }

  async #disparities(
    images: readonly Float32Array[],
    height: number,
    width: number,
  ): Promise<Float32Array[]> {
    const result = tf.tidy(() => {
      const stacked = tf.stack(images.map((pixels) => tf.tensor3d(pixels, [height, width, 3])));
      const [disparity] = this.#disparityMaps(stacked as tf.Tensor4D, ANSWERING, 1);
      return inverseDepth(disparity, this.config);
    });
    const values = await result.data() as Float32Array;
    result.dispose();
    const size = height * width;
    return images.map((_, i) => values.slice(i * size, (i + 1) * size));
  }

  /** A copy of all that training needs to go on: both networks and the optimiser. */
  async export(): Promise<StateDict> {
    const state = await this.#store.export();
    for (const [name, tensor] of await this.#optimizer.export()) {
      state.set(OPTIMIZER + name, tensor);
    }
    return state;
  }

  /** A copy of the depth network's ResNet under torchvision's names, running statistics included. */
  async encoder(): Promise<StateDict> {
    return partOf(await this.#store.export(), ENCODER);
  }

  /** Takes it back. @throws {CheckpointError} when it belongs to another configuration. */
  import(state: StateDict): void {
    const entries = [...state];
    const moments = entries.filter(([name]) => name.startsWith(OPTIMIZER));
    this.#store.import(new Map(entries.filter(([name]) => !name.startsWith(OPTIMIZER))));
    this.#optimizer.import(
      new Map(moments.map(([name, tensor]) => [name.slice(OPTIMIZER.length), tensor])),
    );
  }

  /** Frees every tensor. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#store.dispose();
  }
}

const OPTIMIZER = "optimizer.";

/** What the names of the depth network's ResNet begin with in its state. */
export const ENCODER = "depth.encoder.";

function learningRates(config: DepthConfig): Schedule {
  const { schedule, learningRate, steps, warmupSteps } = config;
  if (schedule.kind === "cosine") {
    return warmupCosine({ peak: learningRate, final: schedule.final, warmupSteps, steps });
  }
  const falling = stepwise(learningRate, [Math.round(schedule.at * steps)], schedule.factor);
  return (step) => falling(step) * Math.min(1, (step + 1) / Math.max(1, warmupSteps));
}

function checkSize(height: number, width: number): void {
  if (height % 32 !== 0 || width % 32 !== 0 || height < 64 || width < 64) {
    throw new ConfigError(
      `Cannot use frames of ${width}x${height} for depth: expected sides that are multiples of 32, ` +
        `at least 64; read frames at another size`,
    );
  }
}
