/**
 * What a step of pretraining reports, and what it warns of.
 *
 * @module
 */
import type { PretrainConfig } from "./config.ts";

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
  /**
   * Mean entropy of the assignments divided by log K, 0..1: of the samples of the first image, or with `accumulate`
   * of the first image of each micro-batch, and mean over both losses.
   */
  readonly assignmentEntropy: number;
};

/** Fewer prototypes in use than this share of all, or more entropy, counts as collapse. */
const COLLAPSED_SHARE = 0.02;
const COLLAPSED_ENTROPY = 0.95;

/**
 * A line that says that the network is collapsing and what to do, or undefined. It is a warning:
 * early steps may look like it and recover.
 */
export function collapseWarning(
  { prototypesUsed, assignmentEntropy }: PretrainMetrics,
  { prototypes }: PretrainConfig,
): string | undefined {
  const least = Math.max(2, Math.ceil(prototypes * COLLAPSED_SHARE));
  if (prototypesUsed >= least && assignmentEntropy < COLLAPSED_ENTROPY) return;
  return `Features may be collapsing: ${prototypesUsed} of ${prototypes} prototypes used, ` +
    `assignment entropy ${assignmentEntropy.toFixed(2)} of 1; lower the learning rate ` +
    "or epsilon, or mix more sources";
}

/** Steps in a row that tell a collapse from a bad batch. */
const PATIENCE = 30;

/** Watches the steps of a run: says {@linkcode collapseWarning}'s line once for each time that it lasts. */
export class CollapseAlarm {
  readonly #config: PretrainConfig;
  #collapsed = 0;

  constructor(config: PretrainConfig) {
    this.#config = config;
  }

  /** What to tell after this step, if anything. */
  after(metrics: PretrainMetrics): string | undefined {
    const line = collapseWarning(metrics, this.#config);
    this.#collapsed = line ? this.#collapsed + 1 : 0;
    return this.#collapsed === PATIENCE ? line : undefined;
  }
}
