/**
 * What the runs of an ablation share and keep: frames and depth maps of a seed, and finished results.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import { join } from "@std/path";
import { writeAtomically } from "../../lib/run/storage/atomic.ts";

/** What a finished run or baseline found; fractions 0..1. */
export interface Outcome {
  readonly name: string;
  readonly kind: "run" | "baselines";
  readonly arm: string;
  readonly split: "validation" | "test";
  readonly seed: number;
  readonly rate?: number;
  readonly steps: number;
  readonly seconds: number;
  readonly threads: string;
  readonly device: string;
  readonly finished: string;
  /** mIoU of protocol `cluster`: the primary metric. */
  readonly miou: number;
  readonly accuracy?: number;
  readonly perClass?: Readonly<Record<string, number>>;
  /** mIoU of protocols `kmeans` and `linear`, beside it. */
  readonly kmeans?: number;
  readonly linear?: number;
  /** Loss of the last step. */
  readonly loss?: number;
  readonly regionPurity?: number;
}

/** A value from its file, or made and kept there. */
export async function kept<T>(path: string, make: () => Promise<T>): Promise<T> {
  const bytes = await Deno.readFile(path).catch(() => undefined);
  if (bytes) return deserialize(bytes);
  const value = await make();
  await writeAtomically(path, new Uint8Array(serialize(value)));
  return value;
}

/** Where the outcome of a job lies once it is finished. */
export function outcomePath(out: string, name: string): string {
  return join(out, "outcomes", `${name}.json`);
}

/** A process that ended without an outcome. */
export interface Failure {
  readonly name: string;
  readonly code: number;
  readonly seconds: number;
}

const failurePath = (out: string) => join(out, "failures.jsonl");

/** Keeps it for the list of runs; the run may be tried again. */
export async function keepFailure(out: string, failure: Failure): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  await Deno.writeTextFile(failurePath(out), JSON.stringify(failure) + "\n", { append: true });
}

/** All failures so far. */
export async function readFailures(out: string): Promise<Failure[]> {
  const text = await Deno.readTextFile(failurePath(out)).catch(() => "");
  return text.split("\n").filter((line) => line).map((line) => JSON.parse(line));
}

/** All outcomes so far, by name. */
export async function readOutcomes(out: string): Promise<Map<string, Outcome[]>> {
  const outcomes = new Map<string, Outcome[]>();
  try {
    for await (const { name } of Deno.readDir(join(out, "outcomes"))) {
      if (!name.endsWith(".json")) continue;
      const found = JSON.parse(await Deno.readTextFile(join(out, "outcomes", name)));
      outcomes.set(name.slice(0, -".json".length), Array.isArray(found) ? found : [found]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return outcomes;
}
