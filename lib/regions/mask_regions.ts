/**
 * Regions of a frame from truth, for comparison: what pasting of perfect masks would give.
 *
 * @module
 */

import { checkArray } from "../checks.ts";
import { DataError } from "../errors.ts";
import type { DepthMap, Frame, RegionMap } from "../records.ts";
import { labelGrid } from "./connected_components.ts";
import { describeKeys } from "./describe.ts";

/**
 * Every instance is a region, also where something before it cuts it in parts; the rest comes apart into
 * connected patches of one class.
 *
 * @param depth Tells the mean disparity of each region.
 * @throws {DataError} when the frame has no instance ids or labels, or not as many as its size says.
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
  const task = `take masks of ${name}`, size = `${height} x ${width}`, pixels = height * width;
  checkArray(task, `labels of ${size}`, labels, Uint8Array, pixels);
  checkArray(task, `instances of ${size}`, instances, Uint16Array, pixels);
  const patches = labelGrid(
    height,
    width,
    4,
    (a, b) => instances[a] === instances[b] && (instances[a] > 0 || labels[a] === labels[b]),
  );
  return describeKeys(
    patches.labels.map((patch, i) => instances[i] > 0 ? -instances[i] : patch),
    depth,
  );
}
