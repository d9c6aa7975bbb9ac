/**
 * Settings of the depth stage.
 *
 * @module
 */
import { SettingChecks } from "../checks.ts";

/** Where the pose network's features can come from, see {@linkcode DepthConfig.poseEncoder}. */
export const POSE_ENCODERS = ["own", "shared"] as const;

/** Where disparities can be compared with the frames, see {@linkcode DepthConfig.lossSize}. */
export const LOSS_SIZES = ["full", "own", "pyramid"] as const;

/** What of both sources' errors can count, see {@linkcode DepthConfig.reprojection}. */
export const REPROJECTIONS = ["least", "mean"] as const;

/** Frames whose depth can be learnt, see {@linkcode DepthConfig.targets}. */
export const DEPTH_TARGETS = ["between", "every"] as const;

/** How training frames are varied before the networks see them; the losses see them as they are. */
export interface DepthAugmentation {
  /** Probability of a mirrored triplet. */
  readonly flip: number;
  /** Probability of colour jitter, the same for the three frames. */
  readonly jitter: number;
  /** Brightness, contrast and saturation are multiplied by 1 +- this at most. */
  readonly jitterStrength: number;
  /** Largest turn of the hue, as a fraction of a full circle. */
  readonly jitterHue: number;
}

/**
 * The disparity, 0..1, about which the network's answers begin: `far` down to the horizon, then
 * linearly up to `near` at the bottom row, which is the disparity of a plane under the camera. Equal
 * values leave the plane to be found out, as Monodepth2 does.
 */
export interface InitialDisparity {
  /** At the horizon and above it, between 0 and 1. */
  readonly far: number;
  /** At the bottom row, between 0 and 1. */
  readonly near: number;
  /** Fraction of the height from the top, 0..1. */
  readonly horizon: number;
}

/** One level of direct alignment: images at 1 / shrink of their size, and steps taken there. */
export interface AlignmentLevel {
  /** Images are looked at at 1 / shrink of their size: 1, 2, 4 or 8. */
  readonly shrink: number;
  /** Gauss-Newton steps. */
  readonly iterations: number;
}

/** Settings of the networks, the losses and the optimiser of the depth stage. */
export interface DepthConfig {
  /** Layers of the depth encoder, a ResNet. */
  readonly depth: 18 | 34 | 50;
  /** Channels of the depth encoder's first stage: 64 is the standard network. */
  readonly width: number;
  /** Channels of the depth decoder at full size; each coarser level has twice as many. */
  readonly decoderWidth: number;
  /** Batch normalisation in the decoder, for networks that learn from scratch; Monodepth2 has none. */
  readonly decoderNorm: boolean;
  /** Shows the decoder the image itself at full size, so that edges fall into place sooner; Monodepth2 does not. */
  readonly imageSkip: boolean;
  /**
   * Whether the pose network sees pairs of frames through an encoder of its own (Monodepth2), or single frames through
   * the depth network's.
   */
  readonly poseEncoder: typeof POSE_ENCODERS[number];
  /** Channels of the pose encoder's first stage (always a ResNet-18); its decoder has four times as many. */
  readonly poseWidth: number;
  /** The pose network sees frames at 1 / poseShrink of their size: 1 (Monodepth2), 2 or 4. */
  readonly poseShrink: number;
  /** What the pose network's answers are multiplied by; small values keep first answers near rest. */
  readonly motionScale: number;
  /**
   * How far ahead the camera is taken to move from frame to frame before anything is learnt, in the
   * unit of depth: 0 begins at rest, as Monodepth2 does. With a road for a first depth it spares the
   * steps in which nothing tells forward from backward.
   */
  readonly initialForward: number;
  /**
   * Improves the pose network's motions by direct alignment on the predicted depth before views are
   * made with them, from coarse to fine; the network then learns the improved motions instead of
   * learning by the photometric error. Empty leaves it to the network alone, as Monodepth2 does.
   */
  readonly alignment: readonly AlignmentLevel[];
  /**
   * Learns the focal lengths too: one factor for all fx and fy, from 1 on. Turns tell it; a camera that goes straight
   * ahead does not.
   */
  readonly learnFocal: boolean;
  /** Disparities are predicted at 1, 1/2, ... of the size: 1 to 4 scales. */
  readonly scales: number;
  /**
   * Where disparities are compared with the frames: all at full size (Monodepth2), each at its own, which costs a third,
   * or each at its own and at every coarser size of a pyramid. An error of many pixels at full size is one of few at
   * an eighth of it, and where texture is fine only an error of a pixel or two has a gradient that leads to the truth.
   */
  readonly lossSize: typeof LOSS_SIZES[number];
  /** Sizes of that pyramid, 1, 1/2, ... of the frames': as many as there are scales or more, up to 5. */
  readonly pyramidLevels: number;
  /** Depth that a disparity of 1 stands for, in the unknown unit of the video. */
  readonly minDepth: number;
  /** Depth that a disparity of 0 stands for, in the same unit. */
  readonly maxDepth: number;
  /** What the depth network answers before it has learnt. */
  readonly initialDisparity: InitialDisparity;
  /**
   * What the mean of every disparity map is brought to before it is used, so that the unit of depth
   * cannot drift (Wang et al. 2018 normalise inverse depths alike); 0 leaves maps as they are.
   */
  readonly meanDisparity: number;
  /** Share of SSIM in the photometric error; the rest is the absolute difference. */
  readonly ssimWeight: number;
  /** Weight of the edge-aware smoothness at full size; half of it per coarser scale. */
  readonly smoothness: number;
  /** How fast smoothness gives way to differences of colour (0..1): exp(-edgeSharpness |dI|). */
  readonly edgeSharpness: number;
  /** What of both sources' errors counts at a pixel: the least (Monodepth2) or the mean. */
  readonly reprojection: typeof REPROJECTIONS[number];
  /** Leaves out pixels that an unmoved source explains better than a moved one. */
  readonly autoMask: boolean;
  /** How training frames are varied. */
  readonly augmentation: DepthAugmentation;
  /**
   * Frames whose depth is learnt: those between two others of their video (Monodepth2), or every one,
   * of which the first and the last see two frames to one side.
   */
  readonly targets: typeof DEPTH_TARGETS[number];
  /** Targets per step. */
  readonly batchSize: number;
  /** Training steps in all; the learning rate is planned over them. */
  readonly steps: number;
  /** Steps in which the rate rises from 0 to its peak. */
  readonly warmupSteps: number;
  /** Adam's peak rate, reached after the warm-up. */
  readonly learningRate: number;
  /** How the rate falls after the warm-up. */
  readonly schedule: DepthSchedule;
}

/** What the learning rate does after the warm-up. */
export type DepthSchedule =
  /** Falls to `final` along half a cosine. */
  | { readonly kind: "cosine"; readonly final: number }
  /** Is multiplied by `factor` after the given fraction of the steps. */
  | { readonly kind: "step"; readonly at: number; readonly factor: number };

/** Monodepth2's own settings (Godard et al. 2019, section 4), for frames of about 192 x 640. */
export const defaultDepthConfig: DepthConfig = {
  depth: 18,
  width: 64,
  decoderWidth: 16,
  decoderNorm: false,
  imageSkip: false,
  poseEncoder: "own",
  poseWidth: 64,
  poseShrink: 1,
  scales: 4,
  lossSize: "full",
  pyramidLevels: 5,
  motionScale: 0.01,
  initialForward: 0,
  alignment: [],
  learnFocal: false,
  minDepth: 0.1,
  maxDepth: 100,
  initialDisparity: { far: 0.5, near: 0.5, horizon: 0.5 },
  meanDisparity: 0,
  ssimWeight: 0.85,
  smoothness: 1e-3,
  edgeSharpness: 1,
  reprojection: "least",
  autoMask: true,
  augmentation: { flip: 0.5, jitter: 0.5, jitterStrength: 0.2, jitterHue: 0.1 },
  targets: "between",
  batchSize: 12,
  steps: 60_000,
  warmupSteps: 0,
  learningRate: 1e-4,
  schedule: { kind: "step", at: 0.75, factor: 0.1 },
};

/** Learns 64 x 128 frames in three minutes on two cores, from scratch. */
export const tinyDepthConfig: DepthConfig = {
  ...defaultDepthConfig,
  width: 16,
  decoderWidth: 8,
  decoderNorm: true,
  imageSkip: true,
  poseWidth: 8,
  poseShrink: 2,
  motionScale: 0.05,
  initialForward: 0.09,
  alignment: [
    { shrink: 4, iterations: 6 },
    { shrink: 2, iterations: 4 },
    { shrink: 1, iterations: 8 },
  ],
  scales: 2,
  lossSize: "own",
  initialDisparity: { far: 0.04, near: 0.5, horizon: 0.4 },
  meanDisparity: 0.22,
  smoothness: 1e-3,
  edgeSharpness: 10,
  targets: "every",
  batchSize: 16,
  steps: 1200,
  warmupSteps: 60,
  learningRate: 2.5e-3,
  schedule: { kind: "cosine", final: 1e-5 },
};

/**
 * Learns 192 x 384 frames in an hour on two cores, from scratch: {@linkcode tinyDepthConfig} with nine times the pixels,
 * on which things move three times as far.
 */
export const smallDepthConfig: DepthConfig = {
  ...tinyDepthConfig,
  width: 32,
  poseWidth: 16,
  poseShrink: 4,
  alignment: [
    { shrink: 8, iterations: 6 },
    { shrink: 4, iterations: 4 },
    { shrink: 2, iterations: 6 },
  ],
  scales: 4,
  lossSize: "pyramid",
  smoothness: 2e-3,
  batchSize: 8,
  steps: 4500,
  warmupSteps: 100,
  learningRate: 1.5e-3,
};

/**
 * Refuses settings that the depth stage cannot work with.
 *
 * @throws {ConfigError} when one is out of its range.
 */
export function checkDepthConfig(config: DepthConfig): void {
  const checks = new SettingChecks("depth");
  checks.oneOf("depth", config.depth, [18, 34, 50]);
  checks.oneOf("poseEncoder", config.poseEncoder, POSE_ENCODERS);
  checks.oneOf("lossSize", config.lossSize, LOSS_SIZES);
  checks.oneOf("reprojection", config.reprojection, REPROJECTIONS);
  checks.oneOf("targets", config.targets, DEPTH_TARGETS);
  checkSchedule(checks, config.schedule);
  const { augmentation, initialDisparity: initial } = config;
  const positive = (value: number) => value > 0 && Number.isFinite(value);
  const count = (value: number) => Number.isInteger(value) && value > 0;
  const inside = (value: number) => value > 0 && value < 1;
  const fraction = (value: number) => value >= 0 && value <= 1;
  const rules: (readonly [string, number, boolean, string])[] = [
    ["width", config.width, count(config.width), "a positive whole number"],
    ["decoderWidth", config.decoderWidth, count(config.decoderWidth), "a positive whole number"],
    ["poseWidth", config.poseWidth, count(config.poseWidth), "a positive whole number"],
    ["poseShrink", config.poseShrink, [1, 2, 4].includes(config.poseShrink), "1, 2 or 4"],
    [
      "pyramidLevels",
      config.pyramidLevels,
      config.lossSize !== "pyramid" ||
      count(config.pyramidLevels) && config.pyramidLevels >= config.scales &&
        config.pyramidLevels <= 5,
      `${config.scales} (as many as scales) to 5`,
    ],
    ["motionScale", config.motionScale, positive(config.motionScale), "a positive number"],
    ["initialForward", config.initialForward, config.initialForward >= 0, "0 or more"],
    ["scales", config.scales, [1, 2, 3, 4].includes(config.scales), "1, 2, 3 or 4"],
    ["minDepth", config.minDepth, positive(config.minDepth), "a positive number"],
    ["maxDepth", config.maxDepth, config.maxDepth > config.minDepth, "more than minDepth"],
    ["initialDisparity.far", initial.far, inside(initial.far), "between 0 and 1"],
    ["initialDisparity.near", initial.near, inside(initial.near), "between 0 and 1"],
    ["initialDisparity.horizon", initial.horizon, inside(initial.horizon), "between 0 and 1"],
    [
      "meanDisparity",
      config.meanDisparity,
      config.meanDisparity >= 0 && config.meanDisparity < 1,
      "0 to 1",
    ],
    ["ssimWeight", config.ssimWeight, fraction(config.ssimWeight), "0 to 1"],
    ["smoothness", config.smoothness, config.smoothness >= 0, "0 or more"],
    ["edgeSharpness", config.edgeSharpness, config.edgeSharpness >= 0, "0 or more"],
    ...config.alignment.flatMap(({ shrink, iterations }) => [
      ["alignment.shrink", shrink, [1, 2, 4, 8].includes(shrink), "1, 2, 4 or 8"] as const,
      ["alignment.iterations", iterations, count(iterations), "a positive whole number"] as const,
    ]),
    ["augmentation.flip", augmentation.flip, fraction(augmentation.flip), "0 to 1"],
    ["augmentation.jitter", augmentation.jitter, fraction(augmentation.jitter), "0 to 1"],
    [
      "augmentation.jitterStrength",
      augmentation.jitterStrength,
      fraction(augmentation.jitterStrength),
      "0 to 1",
    ],
    ["augmentation.jitterHue", augmentation.jitterHue, fraction(augmentation.jitterHue), "0 to 1"],
    ["batchSize", config.batchSize, count(config.batchSize), "a positive whole number"],
    ["steps", config.steps, count(config.steps), "a positive whole number"],
    ["warmupSteps", config.warmupSteps, config.warmupSteps >= 0, "0 or more"],
    ["learningRate", config.learningRate, positive(config.learningRate), "a positive number"],
  ];
  for (const [name, value, valid, expected] of rules) {
    checks.require(name, value, valid, expected);
  }
}

function checkSchedule(checks: SettingChecks, schedule: DepthSchedule): void {
  switch (schedule.kind) {
    case "cosine":
      return checks.within("schedule.final", schedule.final, 0);
    case "step":
      checks.within("schedule.at", schedule.at, 0, 1);
      return checks.within("schedule.factor", schedule.factor, 0);
    default: {
      const { kind } = schedule as { kind: unknown };
      checks.oneOf("schedule.kind", kind, ["cosine", "step"]);
    }
  }
}
