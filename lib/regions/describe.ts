/**
 * What a map of regions says of each of them.
 *
 * @module
 */

import type { DepthMap, Region, RegionMap } from "../records.ts";
import type { Components } from "./connected_components.ts";
import { Numbering } from "./numbering.ts";

/** Regions of pixels with one key each, numbered in raster order of their first pixels. */
export function describeKeys(keys: ArrayLike<number>, depth: DepthMap): RegionMap {
  const numbers = new Numbering();
  const labels = Int32Array.from(keys, (key) => numbers.of(key));
  return describe({ labels, count: numbers.count }, depth);
}

/** Areas, boxes and mean disparities of labelled pixels. */
export function describe(
  { labels, count }: Components,
  { height, width, disparity }: DepthMap,
): RegionMap {
  const regions = Array.from(
    { length: count },
    () => ({ area: 0, top: height, left: width, bottom: 0, right: 0, disparity: 0 }),
  );
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const region = regions[labels[i]];
      region.area++;
      region.top = Math.min(region.top, y);
      region.left = Math.min(region.left, x);
      region.bottom = Math.max(region.bottom, y + 1);
      region.right = Math.max(region.right, x + 1);
      region.disparity += disparity[i];
    }
  }
  for (const region of regions) region.disparity /= region.area;
  return { height, width, ids: labels, regions: regions as readonly Region[] };
}
