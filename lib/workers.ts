/**
 * What threads that work beside this one have in common.
 *
 * @module
 */

/** Starts a worker; undefined where workers are refused. */
export function startWorker(module: URL): Worker | undefined {
  try {
    return new Worker(module, { type: "module" });
  } catch {
    return undefined;
  }
}

/** A worker's own end of the line; Deno's window types do not know it. */
export const line = globalThis as unknown as Pick<Worker, "onmessage" | "postMessage">;
