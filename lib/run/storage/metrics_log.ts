/**
 * metrics.jsonl: one JSON object a line, for plots and for `jq`.
 *
 * @module
 */

import { join } from "@std/path";
import { storageError } from "../../errors.ts";
import { readIfThere, writeAtomically } from "./atomic.ts";

/** One line. */
export interface MetricsLine {
  readonly stage: string;
  readonly step: number;
  readonly [name: string]: number | string;
}

/** Appends lines; a resumed stage drops the lines that it is about to write again. */
export class MetricsLog {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, "metrics.jsonl");
  }

  /** @throws {StorageError} when the disk is full. */
  async append(line: MetricsLine): Promise<void> {
    try {
      await Deno.writeTextFile(this.path, JSON.stringify(line) + "\n", { append: true });
    } catch (error) {
      throw storageError(this.path, error);
    }
  }

  /**
   * All whole lines.
   *
   * @throws {StorageError} when there is a file that cannot be read.
   */
  async read(): Promise<MetricsLine[]> {
    const text = await readIfThere(this.path) ?? "";
    return text.split("\n").flatMap((line) => {
      try {
        const metrics = JSON.parse(line);
        return typeof metrics?.stage === "string" ? [metrics] : [];
      } catch {
        return []; // A line that a killed process left unfinished.
      }
    });
  }

  /** Drops a stage's lines after a step. */
  async truncate(stage: string, step: number): Promise<void> {
    const lines = await this.read();
    const kept = lines.filter((line) => line.stage !== stage || line.step <= step);
    await writeAtomically(this.path, kept.map((line) => JSON.stringify(line) + "\n").join(""));
  }
}
