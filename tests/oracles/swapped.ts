/**
 * Swapped prediction as the paper states it (section 3.3), on numbers and loops in double precision: each sample
 * is to predict the mean assignment of its group, which is a constant.
 *
 * @module
 */
import { sinkhornByLoops } from "./sinkhorn.ts";

type Rows = readonly (readonly number[])[];

export interface SwappedSettings {
  readonly epsilon: number;
  readonly iterations: number;
  readonly temperature: number;
}

export interface Swapped {
  readonly loss: number;
  /** Of the samples below `perImage`, in units of log K. */
  readonly entropy: number;
  readonly scores: number[][];
  readonly dfeatures: number[][];
  readonly dprototypes: number[][];
}

/** @param groups Of each feature, -1 for one that takes no part. */
export function swappedByLoops(
  features: Rows,
  prototypes: Rows,
  groups: ArrayLike<number>,
  perImage: number,
  settings: SwappedSettings,
): Swapped {
  const scores = features.map((f) => prototypes.map((p) => f.reduce((s, x, c) => s + x * p[c], 0)));
  const present = scores.flatMap((_, i) => groups[i] >= 0 ? [i] : []);
  const assignments = assign(present.map((i) => scores[i]), settings);
  const dfeatures = features.map((f) => f.map(() => 0));
  const dprototypes = prototypes.map((p) => p.map(() => 0));
  let loss = 0, entropy = 0, counted = 0;
  present.forEach((i, at) => {
    const members = assignments.filter((_, other) => groups[present[other]] === groups[i]);
    const logits = scores[i].map((s) => s / settings.temperature);
    const largest = Math.max(...logits);
    const sum = logits.reduce((all, l) => all + Math.exp(l - largest), 0);
    logits.forEach((logit, k) => {
      const target = members.reduce((all, q) => all + q[k], 0) / members.length;
      const log = logit - largest - Math.log(sum);
      loss -= target * log / present.length;
      const slope = (Math.exp(log) - target) / (present.length * settings.temperature);
      for (let c = 0; c < features[i].length; c++) {
        dfeatures[i][c] += slope * prototypes[k][c];
        dprototypes[k][c] += slope * features[i][c];
      }
    });
    if (i >= perImage) return;
    counted++;
    for (const q of assignments[at]) if (q > 0) entropy -= q * Math.log(q);
  });
  entropy /= Math.max(1, counted) * Math.log(prototypes.length);
  return { loss, entropy, scores, dfeatures, dprototypes };
}

function assign(scores: number[][], { epsilon, iterations }: SwappedSettings): number[][] {
  if (scores.length === 0) return [];
  if (iterations > 0) return sinkhornByLoops(scores, epsilon, iterations);
  return scores.map((row) => {
    const powers = row.map((s) => Math.exp(s / epsilon));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  });
}
