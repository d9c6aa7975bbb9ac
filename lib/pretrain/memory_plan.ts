/**
 * How much memory a training step takes, told before it is taken.
 *
 * @module
 */
import { resnetChannels } from "../nn/resnet.ts";
import type { PretrainConfig } from "./config.ts";

/** Bytes of a step, by what they are for. */
export interface MemoryPlan {
  /** What every layer answered, kept until its gradient is known. */
  readonly activations: number;
  /** Their gradients, which tfjs-core keeps until the whole backward pass is done. */
  readonly activationGradients: number;
  /** Weights, their gradients (twice where micro-batches add up) and the optimiser's moments. */
  readonly weights: number;
  /** Similarities of samples and prototypes at the larger of the two levels, and the samples' features. */
  readonly loss: number;
  /** Mixed images and ids of this step and of the two that are prepared ahead. */
  readonly batches: number;
  /** The sum of these. */
  readonly total: number;
}

/** The mixed images of a step. */
export interface PlannedBatch {
  /** Mixed images a step, before they are dealt into micro-batches. */
  readonly count: number;
  /** H, pixels of each. */
  readonly height: number;
  /** W, pixels of each. */
  readonly width: number;
}

const FLOAT = 4;
/** Bytes of a pixel of a mixed batch: three colours, a copy's id and a region's. */
const BATCH_PIXEL = 5 * FLOAT;
/** The step's own batch and those that the loader prepares ahead. */
const BATCHES = 3;
/** Of N x K similarities, the most that the fused loss holds (docs/LOG.md). */
const LOSS_MATRICES = 1.15;
/** Composed, as it is with a queue: of samples alone, and of samples and queued features (counted, not measured). */
const COMPOSED_MATRICES = 9, BALANCED_MATRICES = 5;
/** `[N,D]` tensors from reading a sample to its row of unit length, gradients included. */
const SAMPLE_ROWS = 8;
const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;

/**
 * Estimates the step of a configuration. The rule: a convolution with batch normalisation keeps two maps of its
 * output's size (before and after normalising), one with a bias two (before and after adding it), a resize and a sum
 * one; the gradient of each map is as large, but that sums hand theirs on. Weights are counted as they are
 * created. It leaves out the engine's scratch memory, the dataset and JavaScript's own heap.
 *
 * @param parameters Weights of the network, running statistics left out.
 */
export function memoryPlan(
  config: PretrainConfig,
  { count, height, width }: PlannedBatch,
  parameters: number,
): MemoryPlan {
  const { accumulate = 1, enlarge = 1, optimizer, embeddingSize, prototypes, queueLength = 0 } =
    config;
  const images = count / accumulate, pixels = height * width, seen = pixels * enlarge ** 2;
  const { kept, moved } = mapsPerPixel(config);
  const rows = images * Math.max(config.pixelSamples, config.regionSamples);
  const similarities = queueLength === 0
    ? LOSS_MATRICES * rows
    : COMPOSED_MATRICES * rows + BALANCED_MATRICES * (rows + queueLength);
  const copies = 1 + (accumulate > 1 ? 2 : 1) + (optimizer.kind === "adam" ? 2 : 1);
  const parts = {
    activations: images * seen * kept * FLOAT,
    activationGradients: images * seen * moved * FLOAT,
    weights: parameters * copies * FLOAT,
    loss: (similarities * prototypes + rows * SAMPLE_ROWS * embeddingSize) * FLOAT,
    batches: BATCHES * count * pixels * BATCH_PIXEL,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Channels of all maps for each pixel of the image: those that are kept, and those of gradients. */
function mapsPerPixel(config: PretrainConfig): { kept: number; moved: number } {
  const { depth, width, pyramidChannels, topDownChannels = 0, projectorChannels, embeddingSize } =
    config;
  // The image, then the stem at 1/4 of the pixels and its pooled map at 1/16.
  let kept = 3 + 2 * width / 4 + width / 16;
  let moved = 2 * width / 4 + width / 16;
  const channels = resnetChannels({ depth, width });
  BLOCKS[depth].forEach((count, stage) => {
    const area = 1 / (16 * 4 ** stage), inner = width << stage, outputs = channels[stage + 1];
    // The first convolution of a bottleneck still sees the size before the stride.
    const before = stage > 0 ? 4 : 1;
    const first = depth === 50 ? 2 * inner * before + 2 * inner + 2 * outputs : 4 * outputs;
    const other = depth === 50 ? 4 * inner + 2 * outputs : 4 * outputs;
    const projected = depth === 50 || stage > 0 ? 2 * outputs : 0;
    const maps = (first + projected + (count - 1) * other) * area;
    kept += maps;
    // What both ways into a block say of its input is summed, and one of them stays until the end.
    moved += maps + count * outputs * area;
  });
  const inner = topDownChannels || pyramidChannels, finest = 1 / 16;
  for (let level = 0; level < 4; level++) {
    const area = finest / 4 ** level;
    // Lateral and its bias; doubled and summed below the coarsest.
    kept += (level < 3 ? 4 : 2) * inner * area;
    moved += (level > 0 ? 3 : 1) * inner * area;
    if (topDownChannels > 0) {
      kept += 2 * inner * area;
      moved += inner * area;
    }
    for (let j = 0; j < Math.max(1, level); j++) {
      const doubled = level > 0 ? 4 : 0;
      const maps = (2 + doubled) * pyramidChannels * area * 4 ** j;
      kept += maps;
      moved += maps;
    }
  }
  // Three sums, whose gradients are one.
  kept += 3 * pyramidChannels * finest;
  const projector = projectorChannels === 0
    ? [2 * embeddingSize, embeddingSize]
    : [2 * projectorChannels + embeddingSize, 2 * projectorChannels + embeddingSize];
  return { kept: kept + projector[0] * finest, moved: moved + projector[1] * finest };
}

/** The plan in one line, largest parts named, for people. */
export function memoryLine(plan: MemoryPlan, config: PretrainConfig, batch: PlannedBatch): string {
  const { accumulate = 1 } = config;
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
  const dealt = accumulate > 1 ? ` in ${accumulate} micro-batches` : "";
  return `memory of a step (${batch.count} images of ${batch.height} x ${batch.width}${dealt}): about ` +
    `${gib(plan.total)} GiB = activations ${gib(plan.activations)} + their gradients ` +
    `${gib(plan.activationGradients)} + weights, gradients and optimiser ${
      gib(plan.weights)
    } + loss ` +
    `${gib(plan.loss)} + batches ${gib(plan.batches)}`;
}

/**
 * What to do where a plan does not fit, undefined where it does.
 *
 * @param available Bytes that are free.
 */
export function memoryAdvice(
  config: PretrainConfig,
  batch: PlannedBatch,
  parameters: number,
  available: number,
): string | undefined {
  const needed = (accumulate: number) =>
    memoryPlan({ ...config, accumulate }, batch, parameters).total;
  const { accumulate = 1 } = config;
  if (needed(accumulate) <= available) return undefined;
  const sources = batch.count / 2, gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const divisors = Array.from({ length: sources }, (_, i) => i + 1)
    .filter((n) => n > accumulate && sources % n === 0);
  const fitting = divisors.find((n) => needed(n) <= available);
  const remedy = fitting
    ? `--accumulate ${fitting} takes about ${gib(needed(fitting))}`
    : "no --accumulate makes it fit; choose a smaller --preset";
  return `a step may not fit the ${gib(available)} that are free; ${remedy}`;
}
