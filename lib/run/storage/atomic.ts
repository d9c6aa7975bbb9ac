/**
 * Files of a run, which are either the old ones or the new ones, never half of both.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { StorageError, storageError } from "../../errors.ts";

/**
 * Writes to a temporary file in the same folder, flushes it to the disk and renames it.
 *
 * @throws {StorageError} when the disk is full or the folder cannot be written; the old file is intact.
 */
export async function writeAtomically(path: string, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.tmp`);
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw storageError(path, error);
  }
}

/** Writes a value as JSON that people can read; errors as {@linkcode writeAtomically}. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, JSON.stringify(value, null, 2) + "\n");
}

/**
 * The text of a file; undefined where there is none.
 *
 * @throws {StorageError} when there is one that cannot be read.
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(`Cannot read ${path}: ${reason}; make it readable or move it away`);
  }
}
