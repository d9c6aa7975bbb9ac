/**
 * Protocol `kmeans` (as in STEGO, Hamilton et al. 2022): directions of features, rather than
 * prototypes, are clustered, so that any network can be scored, prototypes or none.
 *
 * @module
 */
import { SettingChecks } from "../checks.ts";
import { ConfigError } from "../errors.ts";
import { randomStream } from "../random.ts";
import type { Embedding, Frame, SegmentationScore } from "../records.ts";
import { kMeans, type KMeansOptions } from "./kmeans.ts";
import { batches, labelsOf } from "./frames.ts";
import { matchClusters } from "./matching.ts";
import { addToConfusion, emptyConfusion, scoreConfusion } from "./score.ts";
import { largestChannel } from "./upsample.ts";

/** What the protocol needs of a network: `Pretrainer` in `pretrain/` has this shape. */
export interface Embedder {
  /** Features of frames that are all of one size. */
  embed(frames: readonly Frame[]): Promise<Embedding>;
}

/** Input of {@linkcode kmeansProtocol}. */
export interface KMeansProtocolInput extends Partial<KMeansOptions> {
  /** The trained network. */
  readonly embedder: Embedder;
  /** Frames that the centres are fitted on; labels are not looked at. */
  readonly trainFrames: readonly Frame[];
  /** Frames with labels, which are scored. */
  readonly frames: Iterable<Frame> | AsyncIterable<Frame>;
  /** C, classes of the labels and clusters. */
  readonly classes: number;
  /** The label of pixels that do not count. */
  readonly ignore: number;
  /** Decides which features are drawn and where k-means begins. */
  readonly seed: number;
  /** Features that the centres are fitted on, drawn at random; 10,000 by default. */
  readonly fitFeatures?: number;
  /** Frames that are embedded together; 8 by default. */
  readonly batch?: number;
}

/**
 * Clusters the features of training frames, less their mean and brought to unit length, into as many
 * clusters as classes. A pixel takes the centre of the most similar direction to its bilinearly
 * upsampled feature; clusters are matched one to one to classes over the whole set.
 *
 * @throws {ConfigError} when there is no training frame or an option is out of its range; {DataError} when a frame
 * has no labels.
 */
export async function kmeansProtocol(input: KMeansProtocolInput): Promise<SegmentationScore> {
  const { embedder, classes, ignore, batch = 8, fitFeatures = 10_000 } = input;
  const checks = new SettingChecks("k-means");
  checks.whole("batch", batch, 1);
  checks.whole("fitFeatures", fitFeatures, 1);
  const { sample, dimension } = await sampleFeatures(input);
  const mean = centreRows(sample, dimension);
  const random = randomStream(input.seed, "kmeans-protocol");
  const { centres } = kMeans(sample, dimension, classes, random, input);
  unitRows(centres, dimension);
  const confusion = emptyConfusion(classes, classes);
  for await (const frames of batches(input.frames, batch)) {
    const embedding = await embedder.embed(frames);
    const scores = similarities(embedding, centres, mean, classes);
    frames.forEach((frame, i) => {
      const { height, width } = embedding;
      const own = scores.subarray(i * height * width * classes, (i + 1) * height * width * classes);
      const predicted = largestChannel(own, height, width, classes, frame.height, frame.width);
      addToConfusion(confusion, labelsOf(frame), predicted, ignore);
    });
  }
  return scoreConfusion(matchClusters(confusion).matched);
}

/** Features drawn evenly from the training frames, `[n,dimension]`. */
async function sampleFeatures(
  { embedder, trainFrames, seed, fitFeatures = 10_000, batch = 8 }: KMeansProtocolInput,
): Promise<{ sample: Float32Array; dimension: number }> {
  if (trainFrames.length === 0) {
    throw new ConfigError("Cannot cluster features: expected training frames, got none");
  }
  const random = randomStream(seed, "kmeans-features");
  const perFrame = Math.ceil(fitFeatures / trainFrames.length);
  const rows: Float32Array[] = [];
  let dimension = 0;
  for await (const frames of batches(trainFrames, batch)) {
    const { height, width, channels, values } = await embedder.embed(frames);
    dimension = channels;
    frames.forEach((_, i) => {
      for (let n = 0; n < perFrame; n++) {
        const row = i * height * width + random.integer(height * width);
        rows.push(values.slice(row * channels, (row + 1) * channels));
      }
    });
  }
  const sample = new Float32Array(rows.length * dimension);
  rows.forEach((row, i) => sample.set(row, i * dimension));
  return { sample, dimension };
}

/** Subtracts the mean row in place, brings rows to unit length, and answers the mean. */
function centreRows(rows: Float32Array, dimension: number): Float64Array {
  const mean = new Float64Array(dimension);
  const count = rows.length / dimension;
  rows.forEach((value, i) => mean[i % dimension] += value / count);
  rows.forEach((value, i) => rows[i] = value - mean[i % dimension]);
  unitRows(rows, dimension);
  return mean;
}

function unitRows(rows: Float32Array | Float64Array, dimension: number): void {
  for (let start = 0; start < rows.length; start += dimension) {
    const row = rows.subarray(start, start + dimension);
    let squares = 0;
    for (const value of row) squares += value * value;
    const length = Math.sqrt(squares);
    if (length > 0) row.forEach((value, d) => row[d] = value / length);
  }
}

/** `[N,h,w,k]` dot products of centred features with the centres. */
function similarities(
  { count, height, width, channels, values }: Embedding,
  centres: Float64Array,
  mean: Float64Array,
  k: number,
): Float32Array {
  const scores = new Float32Array(count * height * width * k);
  for (let pixel = 0; pixel < count * height * width; pixel++) {
    for (let c = 0; c < k; c++) {
      let dot = 0;
      for (let d = 0; d < channels; d++) {
        dot += (values[pixel * channels + d] - mean[d]) * centres[c * channels + d];
      }
      scores[pixel * k + c] = dot;
    }
  }
  return scores;
}
