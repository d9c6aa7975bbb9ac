/**
 * Settings of the contrastive stage.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";

/** How parameters move. Weight decay is the L2 penalty that is added to the gradient. */
export interface OptimizerConfig {
  /** Adam, or SGD with momentum. */
  readonly kind: "adam" | "sgd";
  /** Peak learning rate, reached after the warm-up. */
  readonly learningRate: number;
  /** Learning rate at the end of the cosine. */
  readonly finalLearningRate: number;
  /** SGD's momentum; Adam's first beta. */
  readonly momentum: number;
  /** Share of a weight that is added to its gradient. */
  readonly weightDecay: number;
}

/** What can be asked of the features, see prototype_loss.ts and picie.ts. */
export const OBJECTIVES = ["swapped", "picie"] as const;

/** One of {@linkcode OBJECTIVES}. */
export type ObjectiveName = typeof OBJECTIVES[number];

/** Where a backbone's weights can begin. */
export const BACKBONES = ["random", "depth", "file"] as const;

/** Settings of the network, the samples, the losses and the optimiser of the contrastive stage. */
export interface PretrainConfig {
  /**
   * `swapped`, the default: swapped prediction of prototypes. `picie`, an earlier method to compare with: views of
   * unmixed images are clustered. Its clusters are the prototypes; it compares the samples of the pixel level at
   * `temperature`, and has no use for weights, region samples, `epsilon` and `sinkhornIterations`.
   */
  readonly objective?: ObjectiveName;
  /** Steps between clusterings of objective `picie`, which alone reads it; 50 by default. */
  readonly reclusterEvery?: number;
  /** Layers of the backbone, a ResNet. */
  readonly depth: 18 | 34 | 50;
  /**
   * Where the backbone's weights begin: drawn at random, those of the depth network's encoder, which
   * has seen the same video without labels (the two networks are of one depth and width then), or those of
   * a file under torchvision's names.
   */
  readonly backbone: typeof BACKBONES[number];
  /**
   * Images are enlarged by this before the network sees them, so that features lie closer together: small
   * frames have too few of them else. 1, the default, leaves them as they are.
   */
  readonly enlarge?: number;
  /** Channels of the ResNet's first stage: 64 is the standard network, 16 a quarter of its width. */
  readonly width: number;
  /** Channels of the feature pyramid's result. */
  readonly pyramidChannels: number;
  /**
   * Channels of the pyramid's top-down path, each of whose maps then passes a 3x3 convolution; 0, the
   * default, goes without that convolution and in `pyramidChannels`.
   */
  readonly topDownChannels?: number;
  /** Channels between the projector's two 1x1 convolutions; 0 leaves a single convolution. */
  readonly projectorChannels: number;
  /** D, length of an embedding. */
  readonly embeddingSize: number;
  /** K, rows that features are assigned to. */
  readonly prototypes: number;
  /** Pixel-level features taken from each mixed image, at most. */
  readonly pixelSamples: number;
  /** Region-level features taken from each mixed image, at most. */
  readonly regionSamples: number;
  /** Groups with fewer samples than this are left out of both losses; 1 keeps all. */
  readonly minimumGroup: number;
  /** Weight of the loss between copies of one scene point; 0 leaves it out. */
  readonly pixelWeight: number;
  /** Weight of the loss between pixels of one region; 0 leaves it out. */
  readonly regionWeight: number;
  /** Divides similarities in the prediction's softmax. */
  readonly temperature: number;
  /** Divides similarities in Sinkhorn's kernel; at least 0.025, where float32 still holds it. */
  readonly epsilon: number;
  /** Times that rows and columns of the assignments are brought to their sums. */
  readonly sinkhornIterations: number;
  /** How parameters move. */
  readonly optimizer: OptimizerConfig;
  /**
   * Q, features of earlier batches, for each of the two losses, that take part in the balance of prototypes and in
   * nothing else: SwAV's queue, for batches with few samples for each prototype. It takes part once it is full. 0, the
   * default, is none; with any, the loss is composed of several operations and takes more memory.
   */
  readonly queueLength?: number;
  /** Step from which features are queued, since they move fast at first; 0 by default. */
  readonly queueStart?: number;
  /**
   * Micro-batches that a step's mixed images are dealt into, to save memory; 1, the default, is the whole
   * batch. The gradient is the mean of theirs, and each has its own batch statistics, samples, groups and
   * balance of prototypes: the running statistics move so many times a step, and points are not
   * followed from one micro-batch into another.
   */
  readonly accumulate?: number;
  /** Steps in which the rate rises from 0 to its peak. */
  readonly warmupSteps: number;
  /** Training steps in all; the learning rate is planned over them. */
  readonly steps: number;
}

/** Learns in two minutes on two cores, from 6 sources (12 mixed images) of 64 x 128 a step. */
export const tinyPretrainConfig: PretrainConfig = {
  objective: "swapped",
  reclusterEvery: 50,
  depth: 18,
  backbone: "depth",
  enlarge: 2,
  width: 16,
  pyramidChannels: 64,
  topDownChannels: 0,
  projectorChannels: 64,
  embeddingSize: 64,
  prototypes: 200,
  pixelSamples: 512,
  regionSamples: 512,
  minimumGroup: 2,
  pixelWeight: 0.8,
  regionWeight: 0.2,
  temperature: 0.1,
  epsilon: 0.05,
  sinkhornIterations: 3,
  queueLength: 0,
  queueStart: 0,
  optimizer: {
    kind: "adam",
    learningRate: 5e-3,
    finalLearningRate: 0,
    momentum: 0.9,
    weightDecay: 1e-5,
  },
  accumulate: 1,
  warmupSteps: 50,
  steps: 500,
};

/**
 * {@linkcode tinyPretrainConfig} for the depth network of preset `small`, whose encoder it goes on from: 6 sources
 * (12 mixed images) of 192 x 384 a step, two to three minutes on two cores.
 */
export const smallPretrainConfig: PretrainConfig = {
  ...tinyPretrainConfig,
  enlarge: 1,
  width: 32,
  pixelSamples: 1024,
  regionSamples: 1024,
  optimizer: { ...tinyPretrainConfig.optimizer, learningRate: 1.5e-3 },
  steps: 300,
};

/**
 * The paper's values (Zeng et al., BMVC 2022), for 8 sources (16 mixed images) of 384 x 768 a step.
 * The paper counts epochs: 25, the first 2 of them warm-up; the steps here are those of the 2975
 * training frames of Cityscapes.
 */
export const paperPretrainConfig: PretrainConfig = {
  objective: "swapped",
  reclusterEvery: 371,
  depth: 50,
  backbone: "random",
  enlarge: 1,
  width: 64,
  pyramidChannels: 128,
  topDownChannels: 256,
  projectorChannels: 0,
  embeddingSize: 128,
  prototypes: 1000,
  pixelSamples: 4000,
  regionSamples: 7200,
  minimumGroup: 2,
  pixelWeight: 0.5,
  regionWeight: 0.5,
  temperature: 0.1,
  epsilon: 0.05,
  sinkhornIterations: 3,
  queueLength: 0,
  queueStart: 0,
  optimizer: {
    kind: "sgd",
    learningRate: 0.1,
    finalLearningRate: 1e-5,
    momentum: 0.9,
    weightDecay: 1e-4,
  },
  accumulate: 1,
  warmupSteps: 742,
  steps: 9275,
};

/** Sinkhorn's kernel exp(cosine / epsilon) and its sums stay far inside float32 from here on. */
const SMALLEST_EPSILON = 0.025;

/** @throws {ConfigError} naming the first value that is out of its range. */
export function checkPretrainConfig(config: PretrainConfig): void {
  const require = (name: keyof PretrainConfig, holds: boolean, expected: string) => {
    if (holds) return;
    throw new ConfigError(
      `Cannot use the pretraining settings: expected ${name} ${expected}, got ${config[name]}`,
    );
  };
  const count = (name: keyof PretrainConfig, least: number) => {
    const value = config[name] as number;
    require(name, Number.isInteger(value) && value >= least, `to be an integer from ${least}`);
  };
  require("depth", [18, 34, 50].includes(config.depth), "18, 34 or 50");
  const { objective = "swapped" } = config;
  require("objective", OBJECTIVES.includes(objective), OBJECTIVES.join(" or "));
  if (config.reclusterEvery !== undefined) count("reclusterEvery", 1);
  require(
    "accumulate",
    objective === "swapped" || (config.accumulate ?? 1) === 1,
    "1 with objective picie",
  );
  require(
    "pixelSamples",
    objective === "swapped" || config.pixelSamples > 0,
    "above 0 with objective picie",
  );
  require(
    "backbone",
    BACKBONES.includes(config.backbone),
    "random, depth or file",
  );
  for (
    const name of [
      "width",
      "pyramidChannels",
      "embeddingSize",
      "minimumGroup",
      "steps",
    ] as const
  ) count(name, 1);
  count("prototypes", 2);
  if (config.queueLength !== undefined) count("queueLength", 0);
  if (config.queueStart !== undefined) count("queueStart", 0);
  require(
    "queueLength",
    objective === "swapped" || (config.queueLength ?? 0) === 0,
    "0 with objective picie",
  );
  if (config.enlarge !== undefined) count("enlarge", 1);
  if (config.topDownChannels !== undefined) count("topDownChannels", 0);
  if (config.accumulate !== undefined) count("accumulate", 1);
  for (
    const name of [
      "projectorChannels",
      "pixelSamples",
      "regionSamples",
      "sinkhornIterations",
      "warmupSteps",
    ] as const
  ) count(name, 0);
  require("pixelWeight", config.pixelWeight >= 0, "to be at least 0");
  require("regionWeight", config.regionWeight >= 0, "to be at least 0");
  require(
    "regionWeight",
    config.pixelWeight * config.pixelSamples + config.regionWeight * config.regionSamples > 0,
    "or pixelWeight above 0 with samples to weigh",
  );
  require("temperature", config.temperature > 0, "above 0");
  const { kind, learningRate } = config.optimizer;
  if (!(["adam", "sgd"].includes(kind) && learningRate > 0)) {
    throw new ConfigError(
      "Cannot use the pretraining settings: expected optimizer adam or sgd with a learning rate " +
        `above 0, got ${kind} with ${learningRate}`,
    );
  }
  require("epsilon", config.epsilon >= SMALLEST_EPSILON, `from ${SMALLEST_EPSILON}`);
}
