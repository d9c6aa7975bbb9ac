/**
 * Where the libraries that ship with this module are: beside it where it is a folder, and in the user's cache
 * where it was imported over the network, since the system opens libraries from files alone.
 *
 * What a fetched library has to be is said by the manifest, which is imported as a module: what vouches for the
 * rest of the package (JSR's checksums, the lock file) vouches for it, and it for the library.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fromFileUrl, join } from "@std/path";
import linuxArm64 from "../../../native/prebuilt/linux-aarch64/manifest.json" with { type: "json" };
import linuxX64 from "../../../native/prebuilt/linux-x86_64/manifest.json" with { type: "json" };
import windowsX64 from "../../../native/prebuilt/windows-x86_64/manifest.json" with {
  type: "json",
};
import { DeviceError } from "../../errors.ts";
import { type LibraryKind, libraryName, PLATFORM } from "./platform.ts";

/** By name, what a manifest says of a file. */
type Files = Readonly<Record<string, { readonly sha256: string }>>;
interface Manifest {
  readonly files: Files;
  readonly cuda?: { readonly files: Files };
}

const PREBUILT = new URL(`../../../native/prebuilt/${PLATFORM}/`, import.meta.url);
const PUBLISHED: Readonly<Record<string, Manifest>> = {
  "linux-aarch64": linuxArm64,
  "linux-x86_64": linuxX64,
  "windows-x86_64": windowsX64,
};
/** Those that a CPU library ships for, as `<os>-<arch>`. */
export const PLATFORMS: readonly string[] = Object.keys(PUBLISHED);
/** Whether one ships for this platform. */
export const SHIPS_HERE: boolean = PLATFORMS.includes(PLATFORM);
/** A server that says nothing for so long is given up. */
const PATIENCE_MS = 60_000;

/**
 * The path of the library for this platform, its bytes checked.
 *
 * @throws {DeviceError} when none ships, it is not the one that was built, or it has not been fetched yet.
 */
export function shippedLibrary(kind: LibraryKind = "cpu"): string {
  const { name, sha256 } = expected(kind);
  if (isRemote()) {
    const path = cachedPath(name, sha256);
    if (holds(path, sha256)) return path;
    throw new DeviceError(
      `Cannot load ${path}: expected the native library, got none; call useDevice(), which fetches it`,
    );
  }
  const path = join(fromFileUrl(PREBUILT), name);
  const got = digest(Deno.readFileSync(path));
  if (got === sha256) return path;
  throw new DeviceError(
    `Cannot load ${path}: expected SHA-256 ${sha256}, got ${got}; run: deno task build:native`,
  );
}

/**
 * Fetches the library into the user's cache where this module was imported over the network, a library ships
 * for the platform, the environment names no other, and it is not there yet.
 *
 * @returns why it cannot be had, in one line; undefined where nothing went wrong.
 */
export async function fetchLibrary(kind: LibraryKind = "cpu"): Promise<string | undefined> {
  if (!isRemote() || !filesOf(PUBLISHED[PLATFORM], kind)) return undefined;
  try {
    if (namedLibrary(kind)) return undefined;
    const { name, sha256 } = expected(kind);
    const path = cachedPath(name, sha256);
    if (holds(path, sha256)) return undefined;
    await keep(path, await download(new URL(name, PREBUILT), sha256));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0] : String(error);
  }
}

/** The library that the environment names instead. */
export function namedLibrary(kind: LibraryKind): string | undefined {
  return Deno.env.get(kind === "cpu" ? "CPCDR_LIBRARY" : "CPCDR_CUDA_LIBRARY");
}

/** True where this module's files can only be fetched. */
function isRemote(): boolean {
  return PREBUILT.protocol !== "file:";
}

/** The library's file name and what its bytes have to be. */
function expected(kind: LibraryKind): { name: string; sha256: string } {
  const name = libraryName(kind);
  const manifest = isRemote() ? PUBLISHED[PLATFORM] : readManifest();
  const files = filesOf(manifest, kind);
  if (!files?.[name]) {
    const remedy = isRemote() ? "build it in a checkout and name it in CPCDR_LIBRARY" : undefined;
    throw new DeviceError(
      `no ${kind.toUpperCase()} library ships for ${PLATFORM}${remedy ? `; ${remedy}` : ""}`,
    );
  }
  return { name, sha256: files[name].sha256 };
}

function filesOf(manifest: Manifest | undefined, kind: LibraryKind): Files | undefined {
  return kind === "cpu" ? manifest?.files : manifest?.cuda?.files;
}

/** The manifest in the folder, which a build may have changed since the module was published. */
function readManifest(): Manifest {
  try {
    return JSON.parse(Deno.readTextFileSync(new URL("manifest.json", PREBUILT)));
  } catch {
    throw new DeviceError(
      `no native library ships for ${PLATFORM}; with a C++ compiler, run: deno task build:native`,
    );
  }
}

/** @throws {DeviceError} when the bytes do not come, or are others than expected. */
async function download(url: URL, sha256: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(`status ${response.status} ${response.statusText}`.trim());
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new DeviceError(
      `Cannot fetch ${url}: ${(error as Error).message}; ${
        error instanceof Deno.errors.NotCapable
          ? `add --allow-net=${url.host}`
          : "try again, or name a library in CPCDR_LIBRARY"
      }`,
    );
  }
  const got = digest(bytes);
  if (got === sha256) return bytes;
  throw new DeviceError(
    `Cannot use ${url}: expected SHA-256 ${sha256}, got ${got}; try again`,
  );
}

/** Writes beside the place and renames, so that no process ever opens half a library. */
async function keep(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new DeviceError(
      `Cannot keep the native library as ${path}: ${(error as Error).message}; ` +
        "let the folder be written, or set XDG_CACHE_HOME to another",
    );
  }
}

/** One folder a content, so that versions of this module do not get in each other's way. */
function cachedPath(name: string, sha256: string): string {
  return join(cacheFolder(), "cpcdr", sha256.slice(0, 16), name);
}

/** The folder for what can be made again. @throws {DeviceError} where the environment names none. */
function cacheFolder(): string {
  const { os } = Deno.build;
  const named = Deno.env.get("XDG_CACHE_HOME") ||
    (os === "windows" ? Deno.env.get("LOCALAPPDATA") : undefined);
  if (named) return named;
  const home = Deno.env.get("HOME");
  if (home) return os === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
  throw new DeviceError(
    "Cannot keep the native library: expected HOME or XDG_CACHE_HOME, got neither; set one of them",
  );
}

/** Whether a file is there and has this SHA-256. */
function holds(path: string, sha256: string): boolean {
  try {
    return digest(Deno.readFileSync(path)) === sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
