/**
 * Settings of protocol `finetune`.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";

/** See {@linkcode defaultFinetuneConfig} for values. */
export interface FinetuneConfig {
  /** Adam, or SGD with momentum. */
  readonly optimizer: "adam" | "sgd";
  /** The rate of the first step. */
  readonly learningRate: number;
  /** SGD's momentum; Adam's first beta. */
  readonly momentum: number;
  /** The L2 penalty that is added to the gradient. */
  readonly weightDecay: number;
  /** How the rate falls to 0: (1 - step / steps)^0.9, or half a cosine. */
  readonly schedule: "poly" | "cosine";
  /** Training steps in all. */
  readonly steps: number;
  /** Frames a step. */
  readonly batch: number;
  /** A frame is enlarged by up to this and cropped back; 1 never. */
  readonly maxZoom: number;
  /** Probability that a frame is mirrored. */
  readonly flipChance: number;
  /** Share of the labelled training frames whose labels are used, above 0; at least one frame is. */
  readonly labelFraction: number;
}

/** About half a minute on two cores for the tiny preset. */
export const defaultFinetuneConfig: FinetuneConfig = {
  optimizer: "adam",
  learningRate: 2e-3,
  momentum: 0.9,
  weightDecay: 1e-4,
  schedule: "poly",
  steps: 400,
  batch: 8,
  maxZoom: 2,
  flipChance: 0.5,
  labelFraction: 1,
};

/** @throws {ConfigError} when a setting is out of its range. */
export function checkFinetuneConfig(config: FinetuneConfig): void {
  const require = (name: keyof FinetuneConfig, holds: boolean, expected: string) => {
    if (holds) return;
    throw new ConfigError(`Cannot fine-tune: expected ${name} ${expected}, got ${config[name]}`);
  };
  const whole = (value: number) => Number.isInteger(value) && value >= 1;
  require("optimizer", ["adam", "sgd"].includes(config.optimizer), "adam or sgd");
  require("schedule", ["poly", "cosine"].includes(config.schedule), "poly or cosine");
  require("learningRate", config.learningRate > 0, "above 0");
  require("momentum", config.momentum >= 0 && config.momentum < 1, "from 0 to below 1");
  require("weightDecay", config.weightDecay >= 0, "of at least 0");
  require("steps", whole(config.steps), "a whole number of at least 1");
  require("batch", whole(config.batch), "a whole number of at least 1");
  require("maxZoom", config.maxZoom >= 1, "of at least 1");
  require("flipChance", config.flipChance >= 0 && config.flipChance <= 1, "from 0 to 1");
  require(
    "labelFraction",
    config.labelFraction > 0 && config.labelFraction <= 1,
    "above 0 and at most 1",
  );
}
