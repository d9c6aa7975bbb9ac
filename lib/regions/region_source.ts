/**
 * Regions of a frame by any of the ways there are: by depth, by colour, from truth, from the dataset.
 *
 * @module
 */

import type { DepthMap, Frame, Intrinsics, RegionMap } from "../records.ts";
import { colourRegions } from "./colour_regions.ts";
import type { Grouping, RegionConfig } from "./config.ts";
import { describeKeys } from "./describe.ts";
import { depthRegions } from "./depth_regions.ts";
import { maskRegions } from "./mask_regions.ts";

/**
 * `regions`: those that came with the frame, else as the settings of the regions stage say; `components` and `infomap`: from depth by that
 * grouping; `slic`: superpixels merged by colour, without depth; `masks`: true instances.
 */
export type RegionSource = "regions" | Grouping | "slic" | "masks";

/** What a source comes to for a frame under the settings: equal answers mean equal regions. */
export function resolveSource(
  source: RegionSource,
  { regionIds }: Pick<Frame, "regionIds">,
  { grouping }: RegionConfig,
): Exclude<RegionSource, "regions"> | "given" {
  if (source !== "regions") return source;
  return regionIds ? "given" : grouping;
}

/**
 * Cuts a frame.
 *
 * @throws {DataError} when masks are asked of a frame without instance ids.
 */
export function regionsBy(
  source: RegionSource,
  frame: Frame,
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig,
): RegionMap {
  const resolved = resolveSource(source, frame, config);
  switch (resolved) {
    case "given":
      return describeKeys(frame.regionIds!, depth);
    case "slic":
      return colourRegions(frame, depth, config.colour);
    case "masks":
      return maskRegions(frame, depth);
    case "components":
    case "infomap":
      return depthRegions(depth, intrinsics, { ...config, grouping: resolved }, frame);
  }
}
