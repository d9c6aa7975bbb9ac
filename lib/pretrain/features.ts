/**
 * What a trained network says of frames.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { resizeBilinear } from "../ops/resize.ts";
import type { Embedding, Frame } from "../records.ts";
import { ConfigError, DataError } from "../errors.ts";
import type { PretrainConfig } from "./config.ts";
import { type Encoder, type Encoding, frameBatch, requireAlike, unitRows } from "./encoder.ts";

const ANSWERING = { training: false };

/** Rows x prototypes that {@linkcode nearestPrototypes} compares at a time. */
const ENTRIES = 1 << 22;

/** Settings of {@linkcode Pretrainer.embed}, `represent` and `assign`. */
export interface FeatureOptions {
  /** Frames that pass the network at a time, 8 by default: more take more memory, and answer the same to rounding. */
  readonly batch?: number;
}

/** The network that is asked. */
export interface FeatureNetwork {
  readonly encode: Encoder;
  readonly config: Pick<PretrainConfig, "enlarge">;
}

/** What {@linkcode readFeatures} reads. */
export interface FeatureReading extends FeatureOptions {
  readonly pick: (encoding: Encoding) => tf.Tensor4D;
  /** Channels of what is picked. */
  readonly channels: number;
}

/** The features that `pick` takes of frames of one size, each brought to unit length. */
export async function readFeatures(
  network: FeatureNetwork,
  frames: readonly Frame[],
  { pick, channels, batch }: FeatureReading,
): Promise<Embedding> {
  let size = { height: 0, width: 0 }, values = new Float32Array(0), at = 0;
  for (const some of batches(network, frames, batch)) {
    const rows = tf.tidy(() => {
      const map = pick(network.encode(frameBatch(some), ANSWERING));
      return tf.reshape(unitRows(tf.reshape(map, [-1, channels])), map.shape);
    });
    const [, height, width] = rows.shape;
    const part = await rows.data<"float32">();
    rows.dispose();
    if (at === 0) {
      size = { height, width };
      // One batch is all there is, or the first of several.
      if (some.length === frames.length) values = part as Float32Array<ArrayBuffer>;
      else values = new Float32Array(frames.length * height * width * channels);
    }
    if (part !== values) values.set(part, at);
    at += part.length;
  }
  return { count: frames.length, ...size, channels, values };
}

/**
 * The nearest prototype of every pixel of frames of one size: projections are upsampled bilinearly to full
 * size and compared by cosine. One `[H,W]` array a frame.
 */
export async function nearestPrototypes(
  network: FeatureNetwork,
  prototypes: tf.Tensor2D,
  frames: readonly Frame[],
  { batch }: FeatureOptions = {},
): Promise<Int32Array[]> {
  const ids: Int32Array[] = [];
  for (const some of batches(network, frames, batch)) {
    const [{ height, width }] = some;
    const nearest = tf.tidy(() => {
      const { projections } = network.encode(frameBatch(some), ANSWERING);
      return some.map((_, n) => {
        const one = tf.slice(projections, [n, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
        const full = resizeBilinear(one, height, width);
        return nearestRows(tf.reshape(full, [height * width, -1]), prototypes);
      });
    });
    ids.push(...await Promise.all(nearest.map((tensor) => tensor.data<"int32">())));
    tf.dispose(nearest);
  }
  return ids;
}

/** All frames, so many at a time. @throws {DataError} where the network cannot take one of them. */
function batches(
  { config: { enlarge = 1 } }: FeatureNetwork,
  frames: readonly Frame[],
  batch = 8,
): readonly Frame[][] {
  if (!(Number.isInteger(batch) && batch > 0)) {
    throw new ConfigError(
      `Cannot embed frames: expected batch to be an integer from 1, got ${batch}; leave it out for 8`,
    );
  }
  if (frames.length === 0) return [];
  requireAlike(frames);
  const [{ name, height, width }] = frames;
  if ([height, width].some((side) => side <= 0 || side * enlarge % 32 !== 0)) {
    const seen = enlarge === 1 ? "sides that" : `sides that times ${enlarge}`;
    throw new DataError(
      `Cannot embed frame ${name}: expected ${seen} are multiples of 32, got ${width}x${height}; ` +
        `read frames at another size`,
    );
  }
  const count = Math.ceil(frames.length / batch);
  return Array.from({ length: count }, (_, i) => frames.slice(i * batch, (i + 1) * batch));
}

/** The most similar row of `prototypes` for each of `rows`, some rows at a time. */
function nearestRows(rows: tf.Tensor2D, prototypes: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const unit = unitRows(prototypes);
    const [count, dimension] = rows.shape;
    const step = Math.max(1, Math.floor(ENTRIES / prototypes.shape[0]));
    const parts: tf.Tensor1D[] = [];
    for (let start = 0; start < count; start += step) {
      const some = tf.slice(rows, [start, 0], [Math.min(step, count - start), dimension]);
      parts.push(tf.tidy(() => tf.argMax(tf.matMul(some, unit, false, true), 1)));
    }
    return tf.concat(parts);
  });
}
