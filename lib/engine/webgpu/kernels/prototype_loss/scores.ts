/**
 * Scores of samples and prototypes, made chunk by chunk.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { flatGroups, flatMain, type Shader } from "../../program.ts";
import { multiply } from "../matmul/matmul.ts";

/** What the kernel is told beside its tensors. */
export interface Attributes {
  readonly samples: {
    readonly groups: Int32Array;
    readonly groupCount: number;
    readonly perImage: number;
  };
  readonly epsilon: number;
  readonly iterations: number;
  readonly temperature: number;
}

/** The rows of a chunk (plan.ts). */
export interface Slots {
  /** `[rows,1]` slot of each. */
  readonly slots: tf.TensorInfo;
  /** So many rows, the first ones, are samples. */
  readonly present: number;
}

/**
 * Scores `[rows,K]` of a chunk and the settings of the loss. Powers and logarithms are of 2, which is what
 * adapters compute.
 */
export interface Scored extends Slots {
  readonly scores: tf.TensorInfo;
  /** log2(e) / epsilon */
  readonly scale: number;
  /** log2(e) / temperature */
  readonly sharpness: number;
  /** The entropy of samples in slots below this is wanted. */
  readonly perImage: number;
}

/** Columns that an invocation takes side by side. */
export function widthOf(columns: number): 1 | 4 {
  return columns % 4 === 0 ? 4 : 1;
}

/** WGSL type of so many. */
export function typeOf(width: number): "vec4<f32>" | "f32" {
  return width === 4 ? "vec4<f32>" : "f32";
}

/** WGSL of the sum of the parts of `x`. */
export function totalOf(x: string, width: number): string {
  return width === 4 ? `dot(${x}, vec4<f32>(1))` : x;
}

/** The scores of one chunk at a time, those made last. */
export class Scores {
  readonly #backend: WebGpuBackend;
  readonly #features: tf.TensorInfo;
  readonly #prototypes: tf.TensorInfo;
  readonly #attributes: Attributes;
  #made: { chunk: Slots; rows: tf.TensorInfo; scored: Scored } | undefined;

  constructor(
    backend: WebGpuBackend,
    features: tf.TensorInfo,
    prototypes: tf.TensorInfo,
    attributes: Attributes,
  ) {
    this.#backend = backend;
    this.#features = features;
    this.#prototypes = prototypes;
    this.#attributes = attributes;
  }

  /** Scores of a chunk and the features that they are of, until the next call. */
  of(chunk: Slots): { rows: tf.TensorInfo; scored: Scored } {
    if (this.#made?.chunk === chunk) return this.#made;
    this.release();
    const { slots, present } = chunk;
    const { samples, epsilon, temperature } = this.#attributes;
    const rows = this.#backend.output([slots.shape[0], this.#features.shape[1]]);
    moveRows(this.#backend, this.#features, slots, rows, false);
    const scored = {
      scores: multiply(this.#backend, [rows, this.#prototypes], { transposeB: true }),
      slots,
      present,
      scale: Math.LOG2E / epsilon,
      sharpness: Math.LOG2E / temperature,
      perImage: samples.perImage,
    };
    this.#made = { chunk, rows, scored };
    return this.#made;
  }

  /** Frees what was made last. */
  release(): void {
    if (this.#made) this.#backend.release(this.#made.rows, this.#made.scored.scores);
    this.#made = undefined;
  }
}

/** Rows by their slots: `from[slot]` to each row of `to`, or back each row of `from` to `to[slot]`. */
export function moveRows(
  backend: WebGpuBackend,
  from: tf.TensorInfo,
  slots: tf.TensorInfo,
  to: tf.TensorInfo,
  back: boolean,
): void {
  const depth = from.shape[1], width = widthOf(depth), count = slots.shape[0] * depth / width;
  const { flat: workgroup } = backend.tiles;
  backend.run({
    shader: moveShader,
    variant: { width, back, workgroup },
    reads: [from, slots],
    writes: [to],
    uniforms: { count, columns: depth / width },
    groups: flatGroups(count, workgroup),
  });
}

const moveShader: Shader<{ width: number; back: boolean; workgroup: number }> = {
  name: "prototype loss, rows to and fro",
  source: ({ width, back, workgroup }) => ({
    reads: { input: typeOf(width), slots: "u32" },
    writes: { output: typeOf(width) },
    uniforms: { count: "u32", columns: "u32" },
    code: flatMain(
      workgroup,
      `let there = slots[i / u.columns] * u.columns + i % u.columns;
  ${back ? "output[there] = input[i];" : "output[i] = input[there];"}`,
    ),
  }),
};
