/**
 * The yardstick that any learned feature has to pass: k-means on colour and image position.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import { randomStream } from "../random.ts";
import type { Frame, SegmentationScore } from "../records.ts";
import { kMeans, type KMeansOptions, nearestCentres } from "./kmeans.ts";
import { labelsOf } from "./frames.ts";
import { matchClusters } from "./matching.ts";
import { addToConfusion, emptyConfusion, scoreConfusion } from "./score.ts";

/** Settings of {@linkcode colourPositionBaseline}. */
export interface ColourBaselineOptions extends Partial<KMeansOptions> {
  /** Length of the position axes against the colour axes, 0 for colour alone. */
  readonly positionWeight: number;
  /** Pixels of the training frames that the centres are fitted on, drawn at random. */
  readonly fitPixels: number;
}

/** The defaults of {@linkcode colourPositionBaseline}. */
export const defaultColourBaselineOptions: ColourBaselineOptions = {
  positionWeight: 1,
  fitPixels: 20_000,
};

const DIMENSION = 5;

/**
 * Fits k-means with as many centres as classes on (r, g, b, x, y) of training frames, each axis
 * divided by its deviation, assigns the pixels of the test frames and matches clusters to classes.
 *
 * @param frames the frames to score, with labels.
 * @throws {ConfigError} when there is no training frame; {DataError} when a frame has no labels.
 */
export function colourPositionBaseline(
  trainFrames: readonly Frame[],
  frames: readonly Frame[],
  classes: number,
  ignore: number,
  seed: number,
  options: Partial<ColourBaselineOptions> = {},
): SegmentationScore {
  const resolved = { ...defaultColourBaselineOptions, ...options };
  if (trainFrames.length === 0) {
    throw new ConfigError(
      "Cannot fit the colour baseline: expected training frames, got none",
    );
  }
  const random = randomStream(seed, "colour-baseline");
  const sample = new Float64Array(resolved.fitPixels * DIMENSION);
  for (let i = 0; i < resolved.fitPixels; i++) {
    const frame = random.pick(trainFrames);
    describePixel(frame, random.integer(frame.height * frame.width), sample, i);
  }
  const scale = axisScale(sample, resolved.positionWeight);
  scaleAxes(sample, scale);
  const { centres } = kMeans(sample, DIMENSION, classes, random, options);
  const confusion = emptyConfusion(classes, classes);
  for (const frame of frames) {
    const points = new Float64Array(frame.height * frame.width * DIMENSION);
    for (let i = 0; i < frame.height * frame.width; i++) describePixel(frame, i, points, i);
    scaleAxes(points, scale);
    addToConfusion(confusion, labelsOf(frame), nearestCentres(points, DIMENSION, centres), ignore);
  }
  return scoreConfusion(matchClusters(confusion).matched);
}

/** Writes row `row`: r, g, b in 0..1 and x, y in image widths and heights. */
function describePixel(frame: Frame, pixel: number, points: Float64Array, row: number): void {
  for (let c = 0; c < 3; c++) points[row * DIMENSION + c] = frame.rgb[pixel * 3 + c] / 255;
  points[row * DIMENSION + 3] = (pixel % frame.width) / frame.width;
  points[row * DIMENSION + 4] = Math.floor(pixel / frame.width) / frame.height;
}

/** The factor of each axis that brings its deviation to 1 (colour) or to the weight (position). */
function axisScale(points: Float64Array, positionWeight: number): Float64Array {
  const count = points.length / DIMENSION;
  return Float64Array.from({ length: DIMENSION }, (_, d) => {
    let sum = 0, squares = 0;
    for (let i = 0; i < count; i++) {
      sum += points[i * DIMENSION + d];
      squares += points[i * DIMENSION + d] ** 2;
    }
    const deviation = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
    return (d < 3 ? 1 : positionWeight) / Math.max(deviation, 1e-6);
  });
}

function scaleAxes(points: Float64Array, scale: Float64Array): void {
  for (let i = 0; i < points.length; i++) points[i] *= scale[i % DIMENSION];
}
