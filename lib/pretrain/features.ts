/**
 * What a trained network says of frames.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { resizeBilinear } from "../ops/resize.ts";
import type { Embedding, Frame } from "../records.ts";
import { type Encoder, type Encoding, frameBatch, unitRows } from "./encoder.ts";

const ANSWERING = { training: false };

/** Rows x prototypes that {@linkcode nearestPrototypes} compares at a time. */
const ENTRIES = 1 << 22;

/** The features that `pick` takes of frames of one size, each brought to unit length. */
export async function readFeatures(
  encode: Encoder,
  frames: readonly Frame[],
  pick: (encoding: Encoding) => tf.Tensor4D,
): Promise<Embedding> {
  const rows = tf.tidy(() => {
    const map = pick(encode(frameBatch(frames), ANSWERING));
    const channels = map.shape[3];
    return tf.reshape(unitRows(tf.reshape(map, [-1, channels])), map.shape);
  });
  const values = await rows.data<"float32">();
  const [count, height, width, channels] = rows.shape;
  rows.dispose();
  return { count, height, width, channels, values };
}

/**
 * The nearest prototype of every pixel of frames of one size: projections are upsampled bilinearly to full
 * size and compared by cosine. One `[H,W]` array a frame.
 */
export async function nearestPrototypes(
  encode: Encoder,
  prototypes: tf.Tensor2D,
  frames: readonly Frame[],
): Promise<Int32Array[]> {
  const { height, width } = frames[0];
  const nearest = tf.tidy(() => {
    const { projections } = encode(frameBatch(frames), ANSWERING);
    return frames.map((_, n) => {
      const one = tf.slice(projections, [n, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
      const full = resizeBilinear(one, height, width);
      return nearestRows(tf.reshape(full, [height * width, -1]), prototypes);
    });
  });
  const ids = await Promise.all(nearest.map((tensor) => tensor.data<"int32">()));
  tf.dispose(nearest);
  return ids;
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
