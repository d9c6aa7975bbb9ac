/**
 * How much memory a training step takes, told before it is taken.
 *
 * @module
 */
import { BLOCK_COUNTS, resnetChannels } from "../nn/resnet.ts";
import type { PretrainConfig } from "./config.ts";

/** Bytes of a step, by what they are for. */
export interface MemoryPlan {
  /** What layers answered, kept until its gradient is known; gradients take the place of what goes. */
  readonly activations: number;
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

/**
 * Estimates the step of a configuration. The rule: a convolution with batch normalisation keeps two maps of its
 * output's size (before and after normalising), and every convolution what it reads, which may be one of those.
 * Weights are counted as they are created. It leaves out the engine's scratch memory, the dataset and JavaScript's own
 * heap.
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
  const rows = images * Math.max(config.pixelSamples, config.regionSamples);
  const similarities = queueLength === 0
    ? LOSS_MATRICES * rows
    : COMPOSED_MATRICES * rows + BALANCED_MATRICES * (rows + queueLength);
  const copies = 1 + (accumulate > 1 ? 2 : 1) + (optimizer.kind === "adam" ? 2 : 1);
  const parts = {
    activations: images * seen * keptPerPixel(config) * FLOAT,
    weights: parameters * copies * FLOAT,
    loss: (similarities * prototypes + rows * SAMPLE_ROWS * embeddingSize) * FLOAT,
    batches: BATCHES * count * pixels * BATCH_PIXEL,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Channels of all maps that are kept, for each pixel of the image. */
function keptPerPixel(config: PretrainConfig): number {
  const { depth, width, pyramidChannels, topDownChannels = 0, projectorChannels, embeddingSize } =
    config;
  // The image, then the stem at 1/4 of the pixels and its pooled map at 1/16.
  let kept = 3 + 2 * width / 4 + width / 16;
  const channels = resnetChannels({ depth, width });
  BLOCK_COUNTS[depth].forEach((count, stage) => {
    const area = 1 / (16 * 4 ** stage), inner = width << stage, outputs = channels[stage + 1];
    // The first convolution of a bottleneck still sees the size before the stride.
    const before = stage > 0 ? 4 : 1;
    const first = depth === 50 ? 2 * inner * before + 2 * inner + 2 * outputs : 4 * outputs;
    const other = depth === 50 ? 4 * inner + 2 * outputs : 4 * outputs;
    const projected = depth === 50 || stage > 0 ? 2 * outputs : 0;
    kept += (first + projected + (count - 1) * other) * area;
  });
  const inner = topDownChannels || pyramidChannels, finest = 1 / 16;
  for (let level = 0; level < 4; level++) {
    const area = finest / 4 ** level;
    // What the head and, where there is one, the output convolution read.
    kept += (topDownChannels > 0 ? 2 : 1) * inner * area;
    for (let j = 0; j < Math.max(1, level); j++) {
      const doubled = j + 1 < level ? 4 : 0;
      kept += (2 + doubled) * pyramidChannels * area * 4 ** j;
    }
  }
  // The sum of the pyramid's levels, and the projector's maps.
  return kept + (pyramidChannels + 2 * projectorChannels + embeddingSize) * finest;
}

/** The plan in one line, largest parts named, for people. */
export function memoryLine(plan: MemoryPlan, config: PretrainConfig, batch: PlannedBatch): string {
  const { accumulate = 1 } = config;
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
  const dealt = accumulate > 1 ? ` in ${accumulate} micro-batches` : "";
  return `memory of a step (${batch.count} images of ${batch.height} x ${batch.width}${dealt}): about ` +
    `${gib(plan.total)} GiB = activations ${
      gib(plan.activations)
    } + weights, gradients and optimiser ` +
    `${gib(plan.weights)} + loss ${gib(plan.loss)} + batches ${gib(plan.batches)}`;
}

/** Bytes as people read them, such as `3.5 GiB`. */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
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
  const sources = batch.count / 2;
  const divisors = Array.from({ length: sources }, (_, i) => i + 1)
    .filter((n) => n > accumulate && sources % n === 0);
  const fitting = divisors.find((n) => needed(n) <= available);
  const remedy = fitting
    ? `--accumulate ${fitting} takes about ${gibibytes(needed(fitting))}`
    : "no --accumulate makes it fit; choose a smaller --preset";
  return `a step may not fit the ${gibibytes(available)} that are free; ${remedy}`;
}
