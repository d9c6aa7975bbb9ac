/**
 * How well regions agree with labels.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { RegionMap } from "../records.ts";

/** Counts that add up over frames; see {@linkcode regionPurity}. */
export interface PurityCounts {
  /** Pixels of each class. */
  readonly pixels: Float64Array;
  /** Those of them that lie in a region where their class is the majority. */
  readonly pure: Float64Array;
}

/** Empty counts for so many classes. */
export function emptyPurity(classes: number): PurityCounts {
  return { pixels: new Float64Array(classes), pure: new Float64Array(classes) };
}

/**
 * Adds one frame's regions.
 *
 * @throws {DataError} when labels and regions differ in size.
 */
export function addPurity(
  counts: PurityCounts,
  map: RegionMap,
  labels: Uint8Array,
  ignore: number,
): void {
  if (labels.length !== map.ids.length) {
    throw new DataError(
      `Cannot compare regions: expected ${map.ids.length} labels, got ${labels.length}`,
    );
  }
  const classes = counts.pixels.length;
  const table = new Float64Array(map.regions.length * classes);
  labels.forEach((label, i) => {
    if (label !== ignore && label < classes) table[map.ids[i] * classes + label]++;
  });
  for (let region = 0; region < map.regions.length; region++) {
    const row = table.subarray(region * classes, (region + 1) * classes);
    let majority = 0;
    row.forEach((count, id) => {
      counts.pixels[id] += count;
      if (count > row[majority]) majority = id;
    });
    counts.pure[majority] += row[majority];
  }
}

/** Share of pixels in the majority class of their region: overall and per class (NaN: no such pixel). */
export function regionPurity(counts: PurityCounts): { overall: number; perClass: number[] } {
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return {
    overall: sum(counts.pure) / sum(counts.pixels),
    perClass: Array.from(counts.pixels, (pixels, id) => counts.pure[id] / pixels),
  };
}
