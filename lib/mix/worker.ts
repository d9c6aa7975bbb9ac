/**
 * The worker of {@linkcode MixLoader}: gets the sources once, then a step at a time, and answers batches.
 *
 * @module
 */

import type { MixedBatch } from "../records.ts";
import { line } from "../workers.ts";
import { buffersOf, mixedBatch } from "./batches.ts";
import type { BatchArrays } from "./compose.ts";
import type { MixConfig } from "./config.ts";
import type { MixSource } from "./paste.ts";

/** What the worker is told: first everything that stays, then steps, with arrays that may be written over. */
export type MixRequest =
  | { readonly sources: readonly MixSource[]; readonly config: MixConfig; readonly seed: number }
  | { readonly step: number; readonly into?: BatchArrays };

/** What it answers to a step. */
export type MixReply =
  | { readonly step: number; readonly batch: MixedBatch }
  | { readonly step: number; readonly error: string };

let setup: Exclude<MixRequest, { step: number }>;

line.onmessage = ({ data }: MessageEvent<MixRequest>) => {
  if (!("step" in data)) {
    setup = data;
    return;
  }
  const { step, into } = data;
  try {
    const batch = mixedBatch(setup.sources, setup.config, setup.seed, step, into);
    line.postMessage({ step, batch } satisfies MixReply, buffersOf(batch));
  } catch (error) {
    line.postMessage({ step, error: error instanceof Error ? error.message : String(error) });
  }
};
