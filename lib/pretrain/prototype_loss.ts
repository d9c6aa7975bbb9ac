/**
 * Swapped prediction over groups.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "../ops/fused.ts";
import type { SampleSet } from "./sampling.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import { customGrad } from "../ops/variable_grads.ts";

/** Settings of {@linkcode prototypeLoss}. */
export interface PrototypeLossOptions extends SinkhornOptions {
  /** By which similarities are divided. */
  readonly temperature: number;
}

/** What {@linkcode swappedPrediction} says of a batch. */
export interface SwappedPrediction {
  /** `[2]` loss and entropy as in {@linkcode prototypeLoss}. */
  readonly lossAndEntropy: tf.Tensor1D;
  /** `[N]` the most similar prototype of each row. */
  readonly nearest: tf.Tensor1D;
}

/**
 * {@linkcode prototypeLoss} of the similarities of features `[N,D]` and prototypes `[K,D]`, rows of unit
 * length. An engine that has the kernel `PrototypeLoss` runs it, gradients included, as one operation that
 * holds at most a single N x K matrix; otherwise, or with earlier features, it is composed.
 *
 * @param earlier `[Q,D]` features that {@linkcode sinkhorn} balances prototypes over as well; nothing is predicted of
 * them, and no gradient passes them.
 */
export function swappedPrediction(
  features: tf.Tensor2D,
  prototypes: tf.Tensor2D,
  samples: SampleSet,
  options: PrototypeLossOptions,
  earlier?: tf.Tensor2D,
): SwappedPrediction {
  if (!earlier && useFusedKernel("PrototypeLoss", fusedGradient)) {
    const attrs = { samples, ...options } as unknown as tf.NamedAttrMap;
    const outputs = tf.engine().runKernel("PrototypeLoss", { features, prototypes }, attrs);
    const [lossAndEntropy, nearest] = outputs as tf.Tensor1D[];
    return { lossAndEntropy, nearest };
  }
  const scores: tf.Tensor2D = tf.matMul(features, prototypes, false, true);
  const others = earlier && tf.matMul(earlier, prototypes, false, true) as tf.Tensor2D;
  return {
    lossAndEntropy: prototypeLoss(scores, samples, options, others),
    nearest: tf.argMax(scores, 1),
  };
}

/** The kernel answers the gradients beside the loss; they only wait for their factor. */
const fusedGradient: tf.GradConfig = {
  kernelName: "PrototypeLoss",
  outputsToSave: [false, false, true, true],
  gradFunc: (dys, [dfeatures, dprototypes]) => {
    const factor = () => tf.slice((dys as tf.Tensor[])[0] as tf.Tensor1D, 0, 1);
    return {
      features: () => tf.mul(dfeatures, factor()),
      prototypes: () => tf.mul(dprototypes, factor()),
    };
  },
};

/**
 * The loss by which the samples of a group predict each other's assignment (paper, section 3.3;
 * Caron et al. 2020):
 *
 *     loss = -1/n sum_i qbar_g(i) . log softmax(s_i / temperature)
 *
 * where q are {@linkcode sinkhorn}'s assignments of the present samples, qbar_g their mean over
 * group g, and n the number of present samples. Targets are constants:
 * d loss / d s_i = (softmax(s_i / temperature) - qbar_g(i)) / (n temperature).
 *
 * @param scores `[N,K]` cosine similarities of the N = images x perImage slots of `samples`.
 * @param earlier `[Q,K]` those of features that are no samples, among which prototypes are balanced too.
 * @returns `[2]`: the loss, and the mean entropy of q over the samples of the first image divided by
 * log K (0..1, no gradient), which nears 1 when assignments say nothing.
 */
export function prototypeLoss(
  scores: tf.Tensor2D,
  samples: SampleSet,
  options: PrototypeLossOptions,
  earlier?: tf.Tensor2D,
): tf.Tensor1D {
  const { temperature } = options;
  const n = Math.max(1, samples.count);
  const present = Float32Array.from(samples.groups, (g) => g < 0 ? 0 : 1);
  const assign = (scores: tf.Tensor2D) => {
    if (!earlier) return sinkhorn(scores, tf.tensor1d(present), options);
    const all = tf.concat([tf.tensor1d(present), tf.ones([earlier.shape[0]])]) as tf.Tensor1D;
    return tf.slice(sinkhorn(tf.concat([scores, earlier]), all, options), [0, 0], scores.shape);
  };
  const operation = customGrad((input, save) => {
    const [value, difference] = tf.tidy(() => {
      const scores = input as tf.Tensor2D;
      const assignments = assign(scores);
      const targets = groupMeans(assignments, samples);
      const logarithms = tf.logSoftmax(tf.mul(scores, 1 / temperature));
      const loss = tf.mul(tf.sum(tf.mul(targets, logarithms)), -1 / n);
      const entropy = relativeEntropy(assignments, samples);
      return [tf.stack([loss, entropy]), tf.sub(tf.exp(logarithms), targets)];
    });
    (save as tf.GradSaveFunc)([difference]);
    const gradFunc = (dy: tf.Tensor, [difference]: tf.Tensor[]) => {
      // Empty slots have no target but a prediction; the factor of their row is 0.
      const factors = tf.mul(
        present,
        tf.mul(tf.slice(dy as tf.Tensor1D, 0, 1), 1 / (n * temperature)),
      );
      return tf.mul(difference, tf.expandDims(factors, 1));
    };
    return { value, gradFunc };
  });
  return operation(scores) as tf.Tensor1D;
}

/** Replaces each sample's row by the mean over its group; rows of empty slots stay 0. */
function groupMeans(assignments: tf.Tensor2D, samples: SampleSet): tf.Tensor {
  // Empty slots are the members of one more group, whose mean is 0 as all its rows are.
  const groupOf = samples.groups.map((g) => g < 0 ? samples.groupCount : g);
  const { members, memberGroups } = sortByGroup(groupOf, samples.groupCount + 1);
  const means = tf.sparse.sparseSegmentMean(
    assignments,
    tf.tensor1d(members, "int32"),
    tf.tensor1d(memberGroups, "int32"),
  );
  return tf.gather(means, tf.tensor1d(groupOf, "int32"));
}

/** Slots in order of their group (counting sort), and the group of each. */
function sortByGroup(
  groupOf: Int32Array,
  groups: number,
): { members: Int32Array; memberGroups: Int32Array } {
  const next = new Int32Array(groups + 1);
  for (const group of groupOf) next[group + 1]++;
  for (let group = 0; group < groups; group++) next[group + 1] += next[group];
  const members = new Int32Array(groupOf.length);
  const memberGroups = new Int32Array(groupOf.length);
  groupOf.forEach((group, slot) => {
    memberGroups[next[group]] = group;
    members[next[group]++] = slot;
  });
  return { members, memberGroups };
}

/** Mean over the samples of the first image of -sum q log q, in units of log K. */
function relativeEntropy(assignments: tf.Tensor2D, { groups, perImage }: SampleSet): tf.Scalar {
  const rows = Math.min(perImage, groups.length), prototypes = assignments.shape[1];
  const some = tf.slice(assignments, [0, 0], [rows, prototypes]);
  const count = Math.max(1, groups.subarray(0, rows).filter((g) => g >= 0).length);
  const scale = -1 / (count * Math.log(prototypes));
  return tf.mul(tf.sum(tf.mul(some, tf.log(tf.add(some, 1e-12)))), scale);
}
