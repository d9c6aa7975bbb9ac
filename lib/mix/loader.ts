/**
 * Prepares mixed images beside the training step, in a worker.
 *
 * @module
 */

import { CpcdrError } from "../errors.ts";
import type { MixedBatch } from "../records.ts";
import { startWorker } from "../workers.ts";
import { buffersOf, mixedBatch } from "./batches.ts";
import type { BatchArrays } from "./compose.ts";
import type { MixConfig } from "./config.ts";
import type { MixSource } from "./paste.ts";
import type { MixReply } from "./worker.ts";

/** Batches that are prepared ahead of the one in hand. */
const AHEAD = 2;

/**
 * Answers the batch of any step; steps in order find theirs prepared. Batches are those of
 * {@linkcode mixedBatch}, whether a worker makes them or, where workers are refused, this thread.
 */
export class MixLoader implements Disposable {
  readonly #worker: Worker | undefined;
  readonly #waiting = new Map<number, PromiseWithResolvers<MixedBatch>>();
  /** Arrays of batches that were given back. */
  readonly #idle: BatchArrays[] = [];
  readonly #make: (step: number) => MixedBatch;

  /** The sources are copied to the worker once. */
  constructor(sources: readonly MixSource[], config: MixConfig, seed: number) {
    this.#make = (step) => mixedBatch(sources, config, seed, step, this.#idle.pop());
    this.#worker = startWorker(new URL("./worker.ts", import.meta.url));
    if (!this.#worker) return;
    this.#worker.onmessage = ({ data }: MessageEvent<MixReply>) => {
      const waiting = this.#waiting.get(data.step);
      if ("batch" in data) waiting?.resolve(data.batch);
      else waiting?.reject(new CpcdrError(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`the mixing worker failed: ${event.message}`);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    };
    this.#worker.postMessage({ sources, config, seed });
  }

  /** The batch of a step below `last`, and orders for those after it. */
  async batch(step: number, last: number): Promise<MixedBatch> {
    if (!this.#worker) return this.#make(step);
    for (let next = step; next <= step + AHEAD && next < last; next++) this.#order(next);
    const batch = await this.#waiting.get(step)!.promise;
    this.#waiting.delete(step);
    return batch;
  }

  #order(step: number): void {
    if (this.#waiting.has(step)) return;
    const waiting = Promise.withResolvers<MixedBatch>();
    // A failure of a batch that nobody asks for any more is no failure.
    waiting.promise.catch(() => {});
    this.#waiting.set(step, waiting);
    const into = this.#idle.pop();
    this.#worker!.postMessage({ step, into }, into ? buffersOf(into) : []);
  }

  /** Says that nobody needs a batch of this loader any more: later ones take over its arrays, which become empty. */
  giveBack({ images, copyIds, regionIds }: MixedBatch): void {
    this.#idle.push({ images, copyIds, regionIds });
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#waiting.clear();
    this.#idle.length = 0;
  }
}
