/**
 * Features of earlier batches, for batches too small to use all prototypes evenly (SwAV, Caron et al. 2020, "Working
 * with small batches").
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type StateDict, takeTensor } from "../nn/parameters.ts";
import type { SampleSet } from "./sampling.ts";

/** The newest features of each of several kinds, at most `length` of them, newest first. */
export class FeatureQueue {
  readonly #length: number;
  readonly #size: number;
  /** Variables, which come along where another engine is chosen. */
  readonly #rows = new Map<string, tf.Variable<tf.Rank.R2>>();
  #before: (readonly [string, tf.Tensor2D])[] = [];

  /**
   * @param length Rows that are kept of each kind; 0 keeps none.
   * @param size D, numbers of a row.
   */
  constructor(length: number, size: number) {
    this.#length = length;
    this.#size = size;
  }

  /** `[length,D]` features of this kind, once there are as many; undefined before. They stay the queue's. */
  rows(kind: string): tf.Tensor2D | undefined {
    const rows = this.#rows.get(kind);
    return rows?.shape[0] === this.#length ? rows : undefined;
  }

  /** Takes in the rows `[N,D]` of slots that hold a sample, evenly chosen where they are too many; the oldest go. */
  push(kind: string, features: tf.Tensor2D, { groups }: SampleSet): void {
    if (this.#length === 0) return;
    const present = Array.from(groups.keys()).filter((slot) => groups[slot] >= 0);
    const count = Math.min(present.length, this.#length);
    if (count === 0) return;
    const newest = Array.from(
      { length: count },
      (_, i) => present[Math.floor(i * present.length / count)],
    );
    const before = this.#rows.get(kind);
    const after = tf.tidy(() => {
      const rows = tf.gather(features, tf.tensor1d(newest, "int32"));
      const left = Math.min(before?.shape[0] ?? 0, this.#length - count);
      if (!before || left === 0) return tf.variable(rows, false);
      return tf.variable(tf.concat([rows, tf.slice(before, [0, 0], [left, -1])]), false);
    });
    before?.dispose();
    this.#rows.set(kind, after);
  }

  /** All rows, as `<prefix><kind>`. */
  async export(prefix: string): Promise<StateDict> {
    const kinds = [...this.#rows];
    const values = await Promise.all(kinds.map(([, rows]) => rows.data<"float32">()));
    return new Map(kinds.map(([kind, { shape }], i) => [
      prefix + kind,
      { dtype: "F32" as const, shape, data: values[i].slice() },
    ]));
  }

  /**
   * Checks such rows; what it answers takes them in place of its own and cannot fail.
   *
   * @throws {CheckpointError} when they are of another size.
   */
  check(state: StateDict, prefix: string): () => void {
    const kinds = [...state.keys()].filter((name) => this.#length > 0 && name.startsWith(prefix));
    const found = kinds.map((name) => {
      const count = state.get(name)!.shape.at(0) ?? 0, left = Math.min(count, this.#length);
      const { data } = takeTensor(state, name, [count, this.#size]);
      return { kind: name.slice(prefix.length), left, rows: data.slice(0, left * this.#size) };
    });
    return () => {
      this.dispose();
      for (const { kind, left, rows } of found) {
        const values = () => tf.tensor2d(Float32Array.from(rows), [left, this.#size]);
        this.#rows.set(kind, tf.tidy(() => tf.variable(values(), false)));
      }
    };
  }

  /** Remembers its rows until {@linkcode FeatureQueue.settle}. */
  begin(): void {
    this.#before = [...this.#rows].map(([kind, rows]) => [kind, tf.keep(tf.clone(rows))]);
  }

  /** Keeps what was pushed since {@linkcode FeatureQueue.begin}, or goes back to the rows of then. */
  settle(taken: boolean): void {
    const before = this.#before;
    this.#before = [];
    if (!taken) {
      this.dispose();
      for (const [kind, rows] of before) this.#rows.set(kind, tf.variable(rows, false));
    }
    tf.dispose(before.map(([, rows]) => rows));
  }

  /** Frees all rows; it is empty then. */
  dispose(): void {
    tf.dispose([...this.#rows.values()]);
    this.#rows.clear();
  }
}
