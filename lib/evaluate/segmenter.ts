/**
 * The encoder of the contrastive stage with a linear head on its features, trained on labels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { CheckpointError, TrainingError } from "../errors.ts";
import { conv2d, type Layer } from "../nn/layers.ts";
import { Adam, type Optimizer, Sgd } from "../nn/optimizers.ts";
import { ParameterStore, type StateDict } from "../nn/parameters.ts";
import { polynomial, type Schedule, warmupCosine } from "../nn/schedules.ts";
import { resizeBilinear } from "../ops/resize.ts";
import { variableGrads } from "../ops/variable_grads.ts";
import type { PretrainConfig } from "../pretrain/config.ts";
import { type Encoder, encoder, frameBatch } from "../pretrain/encoder.ts";
import { randomStream } from "../random.ts";
import type { Frame } from "../records.ts";
import type { FinetuneConfig } from "./finetune_config.ts";
import { labelsOf } from "./frames.ts";
import { requireClass } from "./score.ts";

/** What the names of the head's parameters begin with. */
const HEAD = "head";

/** Class scores `[N,h,w,classes]`. */
export interface ClassScores {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/**
 * Runs on the current tfjs backend; `dispose` frees its tensors. Equal settings, seed and batches give equal
 * bytes on one engine.
 */
export class Segmenter {
  readonly #classes: number;
  readonly #store: ParameterStore;
  readonly #encode: Encoder;
  readonly #head: Layer;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;

  /** All parameters drawn at random from the seed; the head's are the same after {@linkcode begin}. */
  constructor(network: PretrainConfig, config: FinetuneConfig, classes: number, seed: number) {
    this.#classes = classes;
    this.#store = new ParameterStore(randomStream(seed, "finetune", "parameters"));
    this.#encode = encoder(this.#store.root, network);
    this.#head = conv2d(this.#store.root.child(HEAD), {
      inputChannels: network.pyramidChannels,
      outputChannels: classes,
      kernelSize: 1,
    });
    const { learningRate, momentum, weightDecay, schedule, steps } = config;
    const variables = this.#store.trainable();
    this.#optimizer = config.optimizer === "adam"
      ? new Adam(variables, { beta1: momentum, weightDecay })
      : new Sgd(variables, { momentum, weightDecay });
    this.#schedule = schedule === "poly"
      ? polynomial(learningRate, steps, 0.9)
      : warmupCosine({ peak: learningRate, final: 0, warmupSteps: 0, steps });
  }

  /**
   * Begins from a pretrained encoder; what else its checkpoint holds is left out.
   *
   * @throws {CheckpointError} when it is of another network; nothing is changed then.
   */
  async begin(pretrained: StateDict): Promise<void> {
    const state = await this.#store.export();
    for (const name of state.keys()) {
      if (name.startsWith(`${HEAD}.`)) continue;
      const tensor = pretrained.get(name);
      if (!tensor) {
        throw new CheckpointError(
          `Cannot fine-tune: expected "${name}" in the checkpoint, got none; use the configuration it was saved with`,
        );
      }
      state.set(name, tensor);
    }
    this.#store.import(state);
  }

  /**
   * One step on frames of one size; answers the mean cross entropy over labelled pixels in nats.
   *
   * @throws {TrainingError} when the loss is not finite; the parameters are spoilt then.
   * @throws {DataError} when a frame has no labels or one out of range.
   */
  async step(frames: readonly Frame[], ignore: number, step: number): Promise<number> {
    const targets = this.#targets(frames, ignore);
    const learningRate = this.#schedule(step);
    const value = tf.tidy(() => {
      const { value, grads } = variableGrads(
        () => this.#loss(frames, targets),
        this.#store.trainable(),
      );
      this.#optimizer.step(grads, learningRate);
      return value;
    });
    const [loss] = await value.data<"float32">();
    value.dispose();
    if (Number.isFinite(loss)) return loss;
    throw new TrainingError(
      `Cannot go on fine-tuning at step ${step}: expected a finite loss, got ${loss}; lower the ` +
        `learning rate (now ${learningRate})`,
    );
  }

  /** `[pixels * classes]` 1 at the class of every labelled pixel, over the number of them. */
  #targets(frames: readonly Frame[], ignore: number): Float32Array {
    const [{ height, width }] = frames, pixels = height * width;
    const targets = new Float32Array(frames.length * pixels * this.#classes);
    let labelled = 0;
    frames.forEach((frame, n) =>
      labelsOf(frame).forEach((label, i) => {
        if (label === ignore) return;
        requireClass(label, this.#classes, ignore);
        targets[(n * pixels + i) * this.#classes + label] = 1;
        labelled++;
      })
    );
    for (let i = 0; i < targets.length; i++) targets[i] /= Math.max(1, labelled);
    return targets;
  }

  #loss(frames: readonly Frame[], targets: Float32Array): tf.Scalar {
    const [{ height, width }] = frames;
    const scores = this.#score(frames, true);
    const full = tf.reshape(resizeBilinear(scores, height, width), [-1, this.#classes]);
    const wanted = tf.tensor2d(targets, [full.shape[0], this.#classes]);
    return tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(full)))) as tf.Scalar;
  }

  #score(frames: readonly Frame[], training: boolean): tf.Tensor4D {
    const { features } = this.#encode(frameBatch(frames), { training });
    return this.#head(features, { training });
  }

  /** Class scores of frames of one size, by the running statistics. */
  async classify(frames: readonly Frame[]): Promise<ClassScores> {
    const scores = tf.tidy(() => this.#score(frames, false));
    const [, height, width] = scores.shape;
    const values = await scores.data<"float32">();
    scores.dispose();
    return { height, width, values };
  }

  /** Frees every tensor. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#store.dispose();
  }
}
