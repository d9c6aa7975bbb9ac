/**
 * The depth and the pose network of the depth stage, as its parts ask them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import { constant } from "../nn/initializers.ts";
import type { Mode } from "../nn/layers.ts";
import type { Scope } from "../nn/parameters.ts";
import { resnetChannels } from "../nn/resnet.ts";
import { shrinkImage } from "../ops/shrink_image.ts";
import type { Intrinsics } from "../records.ts";
import { type CamerasAt, camerasOf, heldInPixels, type Motion } from "./camera.ts";
import type { DepthConfig } from "./config.ts";
import { depthEncoder, type DepthNetwork, depthNetwork } from "./depth_network.ts";
import { type PoseNetwork, poseNetwork } from "./pose_network.ts";
import { type FrameGroup, sourceMotions } from "./source_motions.ts";

/** Two networks with random weights, `depth.*` and `pose.*` in their scope, and where it is learnt, `camera.focal`. */
export class DepthNetworks {
  readonly #config: DepthConfig;
  readonly #depth: DepthNetwork;
  readonly #pose: PoseNetwork;
  readonly #focal?: tf.Variable<tf.Rank.R0>;

  constructor(scope: Scope, config: DepthConfig) {
    this.#config = config;
    const encode = depthEncoder(scope.child("depth"), config);
    this.#depth = depthNetwork(scope.child("depth"), encode, config);
    const shared = { encode, channels: resnetChannels(config)[4] };
    this.#pose = poseNetwork(
      scope.child("pose"),
      config,
      config.poseEncoder === "shared" ? shared : undefined,
    );
    if (!config.learnFocal) return;
    const focal = scope.child("camera").weight("focal", [], constant(0));
    this.#focal = focal as tf.Variable<tf.Rank.R0>;
  }

  /**
   * Disparities 0..1 of images `[B,H,W,3]` at so many scales, finest first, with the mean that the settings ask
   * for.
   */
  disparities(images: tf.Tensor4D, mode: Mode, scales: number): tf.Tensor4D[] {
    const mean = this.#config.meanDisparity;
    const maps = this.#depth(images, mode, scales);
    return mean === 0
      ? maps
      : maps.map((d) => tf.mul(d, tf.div(mean, tf.mean(d, [1, 2, 3], true))));
  }

  /** Cameras of these intrinsics, or with the focal lengths that were learnt in place of theirs. */
  cameras(intrinsics: readonly Intrinsics[]): CamerasAt {
    return camerasOf(intrinsics, this.#focal);
  }

  /** Motions that were fitted to the images, as the loss is to see them. */
  fitted(motions: readonly [Motion, Motion]): [Motion, Motion] {
    const focal = this.#focal, [first, second] = motions;
    return focal ? [heldInPixels(first, focal), heldInPixels(second, focal)] : [first, second];
  }

  /** What fx and fy of all intrinsics are to be multiplied by; 1 where nothing was learnt. */
  async focalFactor(): Promise<number> {
    const [logarithm] = await this.#focal?.data() ?? [0];
    return Math.exp(logarithm);
  }

  /** Motions from the target to both sources, both pairs in one pass. */
  motions(
    { target, sources: [first, second], offsets }: FrameGroup,
    mode: Mode,
  ): [Motion, Motion] {
    const { poseShrink } = this.#config;
    const small = (x: tf.Tensor4D) => shrinkImage(x, poseShrink);
    const group: FrameGroup = {
      target: small(target),
      sources: [small(first), small(second)],
      offsets,
    };
    return sourceMotions(this.#pose, group, mode);
  }
}

/** @throws {ConfigError} when the networks cannot halve a side as often as they do. */
export function checkSize(height: number, width: number): void {
  if (height % 32 !== 0 || width % 32 !== 0 || height < 64 || width < 64) {
    throw new ConfigError(
      `Cannot use frames of ${width}x${height} for depth: expected sides that are multiples of 32, ` +
        `at least 64; read frames at another size`,
    );
  }
}
