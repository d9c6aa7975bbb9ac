/**
 * What the checks and timings on a GPU compute with.
 *
 * @module
 */

import type { MixSource } from "../../lib/mix/paste.ts";
import type { Random } from "../../lib/random.ts";

const ROWS = 5, COLUMNS = 6;

/** Noise with regions in rectangles; those below are nearer, as in a street. */
export function drawSource(random: Random, height: number, width: number): MixSource {
  const regions = Array.from({ length: ROWS * COLUMNS }, (_, k) => {
    const row = Math.floor(k / COLUMNS), column = k % COLUMNS;
    const top = Math.floor(row * height / ROWS), bottom = Math.floor((row + 1) * height / ROWS);
    const left = Math.floor(column * width / COLUMNS);
    const right = Math.floor((column + 1) * width / COLUMNS);
    const disparity = (row + 0.5) / ROWS * random.uniform(0.8, 1.2);
    return { area: (bottom - top) * (right - left), top, left, bottom, right, disparity };
  });
  const ids = new Int32Array(height * width);
  regions.forEach(({ top, left, bottom, right }, id) => {
    for (let y = top; y < bottom; y++) ids.fill(id, y * width + left, y * width + right);
  });
  const disparity = Float32Array.from(
    ids,
    (id) => regions[id].disparity * random.uniform(0.9, 1.1),
  );
  return {
    height,
    width,
    rgb: Uint8Array.from({ length: 3 * ids.length }, () => random.integer(256)),
    depth: { height, width, disparity },
    regions: { height, width, ids, regions },
    horizon: height / 2,
  };
}

/** `[count, dimension]` rows of length 1. */
export function unitRows(
  random: Random,
  count: number,
  dimension: number,
): Float32Array<ArrayBuffer> {
  const rows = Float32Array.from({ length: count * dimension }, () => random.normal());
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * dimension, (i + 1) * dimension);
    const length = Math.hypot(...row);
    row.forEach((value, c) => row[c] = value / length);
  }
  return rows;
}
