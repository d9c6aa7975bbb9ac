/**
 * Checkpoints of a training stage: `checkpoint-<step>.safetensors` in its folder, the newest few kept.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { CheckpointError, TrainingError } from "../../errors.ts";
import type { StateDict } from "../../nn/parameters.ts";
import { writeAtomically } from "./atomic.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

/** A saved state and how many steps it has seen. */
export interface Checkpoint {
  readonly step: number;
  readonly state: StateDict;
}

const NAME = /^checkpoint-(\d{6,})\.safetensors$/;
/** Older checkpoints are removed once a newer one is safe on the disk. */
const KEPT = 2;

/** True for a path with the name of a checkpoint. */
export function isCheckpoint(path: string): boolean {
  return NAME.test(basename(path));
}

/** Where the checkpoint of a step lies. */
export function checkpointPath(folder: string, step: number): string {
  return join(folder, `checkpoint-${String(step).padStart(6, "0")}.safetensors`);
}

/**
 * Saves a state; earlier checkpoints are intact when it cannot.
 *
 * @throws {TrainingError} when a value is NaN or infinite; {StorageError} when it cannot be written.
 */
export async function saveCheckpoint(
  folder: string,
  { step, state }: Checkpoint,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  requireFinite(folder, step, state);
  const bytes = encodeSafetensors({
    tensors: state,
    metadata: { ...metadata, step: String(step) },
  });
  await writeAtomically(checkpointPath(folder, step), bytes);
  for (const old of (await steps(folder)).filter((other) => other < step).slice(0, -(KEPT - 1))) {
    await Deno.remove(checkpointPath(folder, old));
  }
}

/** A step may spoil the weights whose loss was still finite. */
function requireFinite(folder: string, step: number, state: StateDict): void {
  for (const [name, { data }] of state) {
    if (data.every(Number.isFinite)) continue;
    throw new TrainingError(
      `Cannot save step ${step} in ${folder}: expected finite weights, got others in ${name}; ` +
        "the last checkpoint is intact, lower the learning rate and resume from it",
    );
  }
}

/**
 * The newest readable checkpoint of a folder, undefined where there is none. A damaged one is passed
 * over with a word to `warn`.
 *
 * @throws {CheckpointError} when there are checkpoints, but none can be read, or the newest belongs to other
 * settings (`metadata` differs).
 */
export async function loadCheckpoint(
  folder: string,
  metadata: Readonly<Record<string, string>>,
  warn: (line: string) => void = console.error,
): Promise<Checkpoint | undefined> {
  const found = (await steps(folder)).reverse();
  for (const step of found) {
    const path = checkpointPath(folder, step);
    try {
      const file = decodeSafetensors(await readBytes(path), path);
      checkMetadata(path, file.metadata, metadata);
      return { step, state: file.tensors };
    } catch (error) {
      if (
        !(error instanceof CheckpointError) || step === found[found.length - 1] ||
        error instanceof Mismatch
      ) {
        throw error;
      }
      warn(`${error.message.split(";")[0]}; going on from the one before`);
    }
  }
  return undefined;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CheckpointError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CheckpointError(
    `Cannot read ${path}: ${reason}; make it readable or move it away`,
  );
}

class Mismatch extends CheckpointError {}

function checkMetadata(
  path: string,
  got: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(expected)) {
    if (got[key] === value) continue;
    throw new Mismatch(
      `Cannot use ${path}: expected ${key} ${value}, got ${
        got[key] ?? "none"
      }; use the run's own settings`,
    );
  }
}

/** The steps of a folder's checkpoints, ascending. */
async function steps(folder: string): Promise<number[]> {
  const found: number[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const match = entry.name.match(NAME);
      if (match) found.push(Number(match[1]));
    }
  } catch (error) {
    const nothing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (!nothing) throw unreadable(folder, error);
  }
  return found.sort((a, b) => a - b);
}

/** The step of a folder's newest checkpoint, 0 where it has none. */
export async function newestStep(folder: string): Promise<number> {
  return (await steps(folder)).at(-1) ?? 0;
}
