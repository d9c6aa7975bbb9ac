/**
 * What lies in a folder.
 *
 * @module
 */

import { join } from "@std/path";
import { DataError } from "../errors.ts";

/** Names in a folder, sorted, with numbers in numeric order. */
export interface Listing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Orders names as people number them: `frame2` before `frame10`. */
export const compareNames: (a: string, b: string) => number =
  new Intl.Collator("en", { numeric: true }).compare;

/** True where a folder, or a link to one, stands at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return (await statIfThere(path))?.isDirectory ?? false;
}

/** True where a file, or a link to one, stands at `path`. */
export async function isFile(path: string): Promise<boolean> {
  return (await statIfThere(path))?.isFile ?? false;
}

/** What a permission is missing for may well be there. */
async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
  }
}

/**
 * Files and folders at `path`; links are followed, hidden names and broken links left out.
 *
 * @throws {DataError} when it may not be read.
 */
export async function listFolder(path: string): Promise<Listing> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const { name, isDirectory, isFile: isPlainFile } of await entriesOf(path)) {
    if (name.startsWith(".")) continue;
    if (isDirectory) folders.push(name);
    else if (isPlainFile) files.push(name);
    else if (await isFolder(join(path, name))) folders.push(name);
    else if (await isFile(join(path, name))) files.push(name);
  }
  return { files: files.sort(compareNames), folders: folders.sort(compareNames) };
}

async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** @throws {DataError} when the file is missing or may not be read. */
export async function readText(path: string): Promise<string> {
  try {
    // A decoder leaves out the mark of byte order that editors on Windows begin files with.
    return new TextDecoder().decode(await Deno.readFile(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): DataError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DataError(`Cannot read ${path}: got "${reason}"; check that it is there and readable`);
}
