/**
 * What the builds of both native libraries have in common: sources and their hash, manifests, commands.
 *
 * @module
 */

import { dirname, fromFileUrl, join, relative, SEPARATOR } from "@std/path";

/** native/ */
export const ROOT = fromFileUrl(new URL(".", import.meta.url));
/** Where objects and trial libraries go. */
export const BUILD = join(ROOT, "build");

/** What the manifest tells of one library's build. */
export interface LibraryManifest {
  /** The ABI version of the header that the library was built from. */
  readonly abi: number;
  /** SHA-256 over the sources and flags of the build. */
  readonly sourceHash: string;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

/** What stands beside the libraries in native/prebuilt/<os>-<arch>/manifest.json: the CPU library's facts. */
export interface Manifest extends LibraryManifest {
  /** The CUDA library's, where one ships. */
  readonly cuda?: LibraryManifest;
}

/** The manifest of a folder, or undefined where there is none. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(join(folder, "manifest.json")));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Changes some of a folder's manifest; each library's build leaves the other's facts alone. */
export async function updateManifest(folder: string, change: Partial<Manifest>): Promise<void> {
  const manifest = { ...await readManifest(folder), ...change };
  await Deno.writeTextFile(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
}

/** What a manifest says of a library at `path`. */
export async function describe(
  path: string,
  name: string,
  abi: number,
  sourceHash: string,
): Promise<LibraryManifest> {
  const bytes = await Deno.readFile(path);
  return {
    abi,
    sourceHash,
    files: { [name]: { sha256: await sha256(bytes), bytes: bytes.length } },
  };
}

/** SHA-256, in hexadecimal, of flags, and of sources with every header of ours that they include. */
export async function hashSources(flags: readonly string[], paths: string[]): Promise<string> {
  const all = new Set<string>();
  for (const path of paths) await withHeaders(path, all);
  const parts = [...flags];
  for (const path of [...all].sort()) {
    parts.push(relative(ROOT, path).replaceAll(SEPARATOR, "/"), await Deno.readTextFile(path));
  }
  return await sha256(new TextEncoder().encode(parts.join("\0")));
}

/** The files of native's folders whose names match, in name order. */
export async function sources(pattern: RegExp, ...folders: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for await (const entry of Deno.readDir(join(ROOT, folder))) {
      if (entry.isFile && pattern.test(entry.name)) found.push(join(ROOT, folder, entry.name));
    }
  }
  return found.sort();
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Runs a command and answers what it printed. @throws with all of that when it fails. */
export async function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const output = await new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped" })
    .output();
  const text = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  if (!output.success) throw new Error(`${command} ${args.join(" ")}\n${text}`);
  return text.trim();
}

/** Whether a program is here and succeeds; where it is not, Deno throws at once. */
export async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

/** A source and every header of ours that it includes. */
export async function withHeaders(path: string, known = new Set<string>()): Promise<Set<string>> {
  if (known.has(path)) return known;
  known.add(path);
  const text = await Deno.readTextFile(path);
  for (const [, name] of text.matchAll(/^#include "(.+)"/gm)) {
    await withHeaders(join(dirname(path), name), known);
  }
  return known;
}

/** When the newest of some files was changed; 0 where there is none. */
export async function modified(...paths: string[]): Promise<number> {
  const times = await Promise.all(
    paths.map((path) => Deno.stat(path).then((info) => info.mtime?.getTime() ?? 0, () => 0)),
  );
  return Math.max(...times);
}

/** A version number that a header of include/ defines. */
export async function versionIn(header: string, macro: string): Promise<number> {
  const text = await Deno.readTextFile(join(ROOT, "include", header));
  return Number(text.match(new RegExp(`#define ${macro} (\\d+)`))![1]);
}

/**
 * What a library lets others link to, in order.
 *
 * @param lister the command that lists them, see targets.ts.
 */
export async function exportedSymbols(
  path: string,
  [command, ...args]: readonly string[],
): Promise<string[]> {
  const text = await run(command, [...args, path]);
  // objdump tells much else before its table of names, and may after it.
  const [table] = text.split("[Ordinal/Name Pointer] Table\n").pop()!.split("\n\n");
  return [...table.matchAll(/ (\S+)$/gm)].map(([, name]) => name).sort();
}

/** What differs between a library that ships in a folder and its sources: nothing where the list is empty. */
export async function findDifferences(
  folder: string,
  shipped: LibraryManifest,
  name: string,
  abi: number,
  sourceHash: string,
): Promise<string[]> {
  const differences: string[] = [];
  if (shipped.abi !== abi) differences.push(`ABI ${shipped.abi}, sources have ${abi}`);
  if (shipped.sourceHash !== sourceHash) differences.push("source hash is stale");
  const bytes = await Deno.readFile(join(folder, name));
  if (await sha256(bytes) !== shipped.files[name]?.sha256) {
    differences.push(`${name} is not the file that the manifest names`);
  }
  return differences;
}
