/**
 * Regions of a frame from truth, for comparison: what pasting of perfect masks would give.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { DepthMap, Frame, RegionMap } from "../records.ts";
import { labelGrid } from "./connected_components.ts";
import { describe } from "./describe.ts";

/**
 * Every instance is a region, also where something before it cuts it in parts; the rest comes apart into
 * connected patches of one class.
 *
 * @param depth Tells the mean disparity of each region.
 * @throws {DataError} when the frame has no instance ids or labels.
 */
export function maskRegions(frame: Frame, depth: DepthMap): RegionMap {
  const { name, height, width, labels, instances } = frame;
  if (!labels || !instances) {
    throw new DataError(
      `Cannot take masks of ${name}: expected instance ids and labels, got ${
        labels ? "labels alone" : "none"
      }; use regions of another kind`,
    );
  }
  const patches = labelGrid(
    height,
    width,
    4,
    (a, b) => instances[a] === instances[b] && (instances[a] > 0 || labels[a] === labels[b]),
  );
  const names = new Map<string, number>();
  const ids = patches.labels.map((patch, i) => {
    const key = instances[i] > 0 ? `instance ${instances[i]}` : `patch ${patch}`;
    if (!names.has(key)) names.set(key, names.size);
    return names.get(key)!;
  });
  return describe({ labels: ids, count: names.size }, depth);
}
