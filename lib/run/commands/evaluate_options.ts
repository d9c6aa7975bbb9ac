/**
 * What the command line says of an evaluation, whatever its protocol.
 *
 * @module
 */

import type { CommonOptions } from "./common.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions extends CommonOptions {
  readonly run: string;
  readonly data?: readonly string[];
  readonly protocol: "cluster" | "kmeans" | "linear" | "finetune" | "depth";
  readonly split: "validation" | "test";
  /** Of `finetune` alone. */
  readonly labelFraction?: number;
  readonly steps?: number;
  /** Where what is predicted for every scored frame is written; protocol `cluster` alone. */
  readonly predictions?: string;
}
