/**
 * Protocol `linear`: how well a linear classifier separates the classes in frozen features. It uses
 * labels of training frames, so nothing is matched.
 *
 * @module
 */
import { SettingChecks } from "../checks.ts";
import { ConfigError } from "../errors.ts";
import { type Random, randomStream } from "../random.ts";
import type { Embedding, Frame, SegmentationScore } from "../records.ts";
import { batches, labelsOf } from "./frames.ts";
import type { Embedder } from "./kmeans_protocol.ts";
import { addToConfusion, emptyConfusion, requireClass, scoreConfusion } from "./score.ts";
import {
  fitSoftmaxRegression,
  type LinearClassifier,
  type SoftmaxRegressionOptions,
  softmaxRegressionOptions,
} from "./softmax_regression.ts";
import { interpolate, largestChannel, tapsAt } from "./upsample.ts";

/** Input of {@linkcode linearProbe}. */
export interface LinearProbeInput extends Partial<SoftmaxRegressionOptions> {
  /** The trained network; it stays as it is. */
  readonly embedder: Embedder;
  /** Frames with labels that the classifier is fitted on. */
  readonly trainFrames: readonly Frame[];
  /** Frames with labels, which are scored. */
  readonly frames: Iterable<Frame> | AsyncIterable<Frame>;
  /** C, classes of the labels. */
  readonly classes: number;
  /** The label of pixels that do not count. */
  readonly ignore: number;
  /** Decides which pixels are drawn, and in which order they are fitted. */
  readonly seed: number;
  /** Labelled pixels that the classifier is fitted on, drawn at random; 20,000 by default. */
  readonly fitPixels?: number;
  /** Frames that are embedded together; 8 by default. */
  readonly batch?: number;
}

/**
 * Fits softmax regression on bilinearly interpolated features of labelled training pixels and scores
 * the upsampled class scores of the other frames.
 *
 * @throws {ConfigError} when an option is out of its range, or none of the pixels drawn from training frames is
 * labelled: all have label `ignore`, or there are no frames.
 * @throws {DataError} when a frame, of either kind, has no labels or one out of range.
 */
export async function linearProbe(input: LinearProbeInput): Promise<SegmentationScore> {
  const { embedder, classes, ignore, batch = 8, fitPixels = 20_000 } = input;
  // Before anything is embedded, which may take long.
  const options = softmaxRegressionOptions(input);
  const checks = new SettingChecks("linear probe");
  checks.whole("batch", batch, 1);
  checks.whole("fitPixels", fitPixels, 1);
  const random = randomStream(input.seed, "linear-probe");
  const { rows, labels, dimension } = await samplePixels(input, random);
  const classifier = fitSoftmaxRegression(rows, labels, dimension, classes, random, options);
  const confusion = emptyConfusion(classes, classes);
  for await (const frames of batches(input.frames, batch)) {
    const embedding = await embedder.embed(frames);
    const { height, width } = embedding;
    frames.forEach((frame, i) => {
      const scores = classify(embedding, i, classifier);
      const predicted = largestChannel(scores, height, width, classes, frame.height, frame.width);
      addToConfusion(confusion, labelsOf(frame), predicted, ignore);
    });
  }
  return scoreConfusion(confusion);
}

/** Features and labels of labelled pixels, the same number drawn from every training frame. */
async function samplePixels(
  { embedder, trainFrames, classes, ignore, fitPixels = 20_000, batch = 8 }: LinearProbeInput,
  random: Random,
): Promise<{ rows: Float32Array; labels: number[]; dimension: number }> {
  const perFrame = Math.ceil(fitPixels / Math.max(1, trainFrames.length));
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  for await (const frames of batches(trainFrames, batch)) {
    const embedding = await embedder.embed(frames);
    frames.forEach((frame, i) => {
      const truth = labelsOf(frame);
      for (let n = 0; n < perFrame; n++) {
        const pixel = random.integer(frame.height * frame.width);
        if (truth[pixel] === ignore) continue;
        requireClass(truth[pixel], classes, ignore);
        labels.push(truth[pixel]);
        rows.push(featureAt(embedding, i, frame, pixel));
      }
    });
  }
  if (rows.length === 0) {
    throw new ConfigError("Cannot fit a linear probe: expected labelled training pixels, got none");
  }
  const dimension = rows[0].length;
  const packed = new Float32Array(rows.length * dimension);
  rows.forEach((row, i) => packed.set(row, i * dimension));
  return { rows: packed, labels, dimension };
}

/** The feature of one image at a pixel of its frame. */
function featureAt(embedding: Embedding, image: number, frame: Frame, pixel: number): Float32Array {
  const { height, width, channels, values } = embedding;
  const size = height * width * channels;
  const feature = new Float32Array(channels);
  const own = values.subarray(image * size, (image + 1) * size);
  const row = tapsAt(Math.floor(pixel / frame.width), frame.height, height);
  const column = tapsAt(pixel % frame.width, frame.width, width);
  interpolate(own, width, channels, row, column, feature);
  return feature;
}

/** `[h,w,classes]` scores of one image. */
function classify(
  { height, width, channels, values }: Embedding,
  image: number,
  { weights, bias }: LinearClassifier,
): Float32Array {
  const classes = bias.length;
  const scores = new Float32Array(height * width * classes);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const start = (image * height * width + pixel) * channels;
    for (let c = 0; c < classes; c++) {
      let score = bias[c];
      for (let d = 0; d < channels; d++) score += values[start + d] * weights[c * channels + d];
      scores[pixel * classes + c] = score;
    }
  }
  return scores;
}
