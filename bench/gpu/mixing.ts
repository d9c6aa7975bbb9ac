/**
 * Mixing of fresh batches as the module does it, on a library or up to its call alone.
 *
 * @module
 */

import type { HotLibrary } from "../../lib/engine/native/hot.ts";
import { paperMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { randomStream } from "../../lib/random.ts";
import type { MixedBatch } from "../../lib/records.ts";
import { median } from "../peers/support.ts";
import { BATCH, type CompositeArguments, HEIGHT, WIDTH } from "./calls.ts";
import { drawSource } from "./inputs.ts";

/** Eight sources, mixed anew in every round. */
export class Mixing {
  readonly #sources: readonly MixSource[];
  /** A batch takes over the memory of the one before. */
  #batch?: MixedBatch;

  constructor(private readonly library: HotLibrary) {
    const random = randomStream(0, "gpu", "mix");
    this.#sources = Array.from({ length: BATCH / 2 }, () => drawSource(random, HEIGHT, WIDTH));
  }

  /** The whole of it. */
  mix(round: number, on: HotLibrary = this.library): MixedBatch {
    const random = randomStream(round, "gpu", "mix");
    return this.#batch = mixImages(this.#sources, paperMixConfig, random, on, this.#batch);
  }

  /** Draws a batch, and answers what the library would be called with. */
  draw(round: number): CompositeArguments {
    let drawn: CompositeArguments | undefined;
    const { check, symbols } = this.library;
    const cpcdr_composite = (...call: CompositeArguments) => {
      drawn = call;
      return 0;
    };
    this.mix(round, { check, symbols: { ...symbols, cpcdr_composite } });
    return drawn!;
  }
}

/** Median milliseconds of a round, after one that is not counted. */
export function medianOf(rounds: number, run: (round: number) => unknown): number {
  const times = Array.from({ length: rounds + 1 }, (_, round) => {
    const started = performance.now();
    run(round);
    return performance.now() - started;
  });
  return median(times.slice(1));
}
