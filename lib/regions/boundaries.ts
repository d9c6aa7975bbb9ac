/**
 * How much of the true outlines the outlines of regions follow.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { RegionMap } from "../records.ts";

/** Counts that add up over frames; see {@linkcode addBoundaries}. */
export interface BoundaryCounts {
  /** Pixels at true outlines. */
  total: number;
  /** Those of them that have an outline of a region near. */
  found: number;
}

/** Empty counts. */
export function emptyBoundaries(): BoundaryCounts {
  return { total: 0, found: 0 };
}

/**
 * Adds one frame. A pixel lies at an outline where it differs from the pixel to its right or below it; it is
 * found when one at an outline of regions lies within `tolerance` rows and columns.
 *
 * @param labels `[H,W]` class ids; where one of the two pixels is `ignore`, there is no outline.
 * @param instances `[H,W]` instance ids: things of one class have outlines between them too.
 * @throws {DataError} when the arrays differ in size.
 */
export function addBoundaries(
  counts: BoundaryCounts,
  { height, width, ids }: RegionMap,
  labels: Uint8Array,
  instances: Uint16Array | undefined,
  ignore: number,
  tolerance = 2,
): void {
  if (labels.length !== ids.length || (instances && instances.length !== ids.length)) {
    throw new DataError(
      `Cannot compare outlines: expected ${ids.length} labels and instance ids, ` +
        `got ${labels.length} and ${instances?.length ?? ids.length}`,
    );
  }
  const truth = outlines(height, width, (a, b) => {
    if (labels[a] === ignore || labels[b] === ignore) return false;
    return labels[a] !== labels[b] || (instances !== undefined && instances[a] !== instances[b]);
  });
  const near = widen(
    outlines(height, width, (a, b) => ids[a] !== ids[b]),
    height,
    width,
    tolerance,
  );
  truth.forEach((at, i) => {
    counts.total += at;
    counts.found += at & near[i];
  });
}

/** Share of the pixels at true outlines that are found, 0..1; NaN without any. */
export function boundaryRecall({ total, found }: BoundaryCounts): number {
  return found / total;
}

function outlines(
  height: number,
  width: number,
  differ: (a: number, b: number) => boolean,
): Uint8Array {
  const marks = new Uint8Array(height * width);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const right = x + 1 < width && differ(i, i + 1);
      marks[i] = Number(right || (y + 1 < height && differ(i, i + width)));
    }
  }
  return marks;
}

/** Marks what lies within so many rows and columns of a mark. */
function widen(marks: Uint8Array, height: number, width: number, reach: number): Uint8Array {
  const across = new Uint8Array(marks.length), all = new Uint8Array(marks.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (marks[y * width + x] === 0) continue;
      const row = y * width;
      across.fill(1, row + Math.max(0, x - reach), row + Math.min(width, x + reach + 1));
    }
  }
  for (let y = 0; y < height; y++) {
    for (let other = Math.max(0, y - reach); other < Math.min(height, y + reach + 1); other++) {
      for (let x = 0; x < width; x++) all[y * width + x] |= across[other * width + x];
    }
  }
  return all;
}
