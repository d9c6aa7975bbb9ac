/**
 * PiCIE's objective (Cho, Mall, Bala, Hariharan, CVPR 2021, section 3): pixels of two views of an image
 * are clustered apart, and either view's pixels must find both views' clusters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import type { SampleSet } from "./sampling.ts";

/** Slots of the samples that show one scene point in the first and in the second view. */
export interface ViewPairs {
  /** `[P]` slots in the first half of the images. */
  readonly first: Int32Array;
  /** `[P]` slots in the second half. */
  readonly second: Int32Array;
}

/** Centroids of both views, `[K,D]` with rows of unit length. */
export type ViewCentroids = readonly [Float32Array, Float32Array];

/**
 * The pairs among samples of images of which m and M + m are two views of source m.
 *
 * @throws {ConfigError} when a group is anything else, as where images were mixed.
 */
export function viewPairs({ groups, groupCount, images, perImage }: SampleSet): ViewPairs {
  const first = new Int32Array(groupCount).fill(-1), second = new Int32Array(groupCount).fill(-1);
  groups.forEach((group, slot) => {
    if (group < 0) return;
    const side = slot < images / 2 * perImage ? first : second;
    if (side[group] >= 0) throw unpaired("several in one view");
    side[group] = slot;
  });
  if (first.includes(-1) || second.includes(-1)) throw unpaired("one in one view alone");
  return { first, second };
}

function unpaired(got: string): ConfigError {
  return new ConfigError(
    `Cannot pair views: expected every point once in either view, got ${got}; paste none`,
  );
}

/**
 * The loss of both views' pixels against both views' clusters: with L(z, y, mu) = -log softmax(z . mu /
 * temperature)[y], z and mu of unit length,
 *
 *     within = (L(z1, y1, mu1) + L(z2, y2, mu2)) / 2      cross = (L(z1, y2, mu2) + L(z2, y1, mu1)) / 2
 *
 * and the loss is (within + cross) / 2, a mean over pairs. exp(-d) of the cosine distance d = 1 - z . mu, as the paper
 * has it, is the same softmax at temperature 1. Every pair weighs the same.
 *
 * @param rows `[N,D]` features of all slots, of unit length.
 * @param labels `[N]` the cluster of each slot among those of its own view.
 * @returns A scalar; its gradient reaches `rows` alone. The caller owns it.
 */
export function picieLoss(
  rows: tf.Tensor2D,
  { first, second }: ViewPairs,
  labels: Int32Array,
  centroids: ViewCentroids,
  temperature: number,
): tf.Scalar {
  const slots = [first, second];
  const [mu1, mu2] = centroids.map((values) =>
    tf.tensor2d(values, [values.length / rows.shape[1], rows.shape[1]])
  );
  const [z1, z2] = slots.map((own) => tf.gather(rows, tf.tensor1d(own, "int32")) as tf.Tensor2D);
  const [y1, y2] = slots.map((own) => own.map((slot) => labels[slot]));
  const term = (z: tf.Tensor2D, y: Int32Array, mu: tf.Tensor2D) => {
    const scores = tf.div(tf.matMul(z, mu, false, true), temperature) as tf.Tensor2D;
    const chosen = tf.oneHot(tf.tensor1d(y, "int32"), mu.shape[0]);
    return tf.div(tf.sum(tf.mul(chosen, tf.logSoftmax(scores))), -y.length);
  };
  const terms = [term(z1, y1, mu1), term(z2, y2, mu2), term(z1, y2, mu2), term(z2, y1, mu1)];
  return tf.div(tf.addN(terms), terms.length) as tf.Scalar;
}
