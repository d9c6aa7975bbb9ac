/**
 * Where tests keep what takes long to fetch.
 *
 * @module
 */

import { join } from "@std/path";

/** A folder of the user's cache, which may not be there yet. */
export function cacheFolder(name: string): string {
  const { env } = Deno;
  return join(env.get("XDG_CACHE_HOME") ?? join(env.get("HOME") ?? ".", ".cache"), name);
}
