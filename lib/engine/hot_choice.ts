/**
 * Which engine of its own a choice of device has running the hot kernels, and when that one is freed.
 *
 * @module
 */

import { type HotLibrary, preferHotLibrary } from "./native/hot.ts";
import type { Precision } from "./precision.ts";

/** An engine that runs the hot kernels and is nobody else's. */
export interface OwnedEngine<T extends HotLibrary & Disposable = HotLibrary & Disposable> {
  readonly engine: T;
  readonly precision: Precision;
}

let current: OwnedEngine | undefined;

/** The engine that the last choice took, if any. */
export function ownedEngine(): OwnedEngine | undefined {
  return current;
}

/**
 * Has `next` run the hot kernels, undefined the CPU library, once `choose` has worked; the engine of before is freed
 * then. Where `choose` fails, everything stays as it was.
 *
 * @returns what `choose` answered.
 */
export async function takeOver<T>(
  next: OwnedEngine | undefined,
  choose: () => Promise<T>,
): Promise<T> {
  let unused = next;
  try {
    const chosen = await choose();
    unused = current;
    current = next;
    preferHotLibrary(next?.engine);
    return chosen;
  } finally {
    if (unused && unused.engine !== current?.engine) unused.engine[Symbol.dispose]();
  }
}
