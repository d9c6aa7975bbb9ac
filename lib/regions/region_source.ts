/**
 * Regions of a frame by any of the ways there are: by depth, by colour, from truth, from the dataset.
 *
 * @module
 */

import { checkArray } from "../checks.ts";
import { ConfigError } from "../errors.ts";
import type { DepthMap, Frame, Intrinsics, RegionMap } from "../records.ts";
import { colourRegions } from "./colour_regions.ts";
import {
  checkRegionConfig,
  REGION_SOURCES,
  type RegionConfig,
  type RegionSource,
} from "./config.ts";
import { describeKeys } from "./describe.ts";
import { checkDepthMap, checkFrameSize, depthRegions } from "./depth_regions.ts";
import { maskRegions } from "./mask_regions.ts";

export type { RegionSource };

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
 * Cuts a frame. The answer says how in `cutBy`: what `source` came to, or `given` for regions that came with the frame.
 *
 * @example
 * ```ts
 * import { defaultRegionConfig, regionsBy, streetScenes } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const size = { height: 64, width: 128 };
 * const frame = await scenes.read(0, size);
 * const depth = { ...size, disparity: frame.depth!.map((metres) => 1 / metres) };
 * const map = regionsBy("slic", frame, depth, frame.intrinsics!, defaultRegionConfig);
 * assertEquals(map.regions.length, defaultRegionConfig.colour.regions);
 * ```
 *
 * @throws {DataError} when masks are asked of a frame without instance ids, frame and depth differ in size, or
 * intrinsics are none.
 * @throws {ConfigError} when a setting is out of its range.
 */
export function regionsBy(
  source: RegionSource,
  frame: Frame,
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig,
): RegionMap {
  checkRegionConfig(config);
  checkDepthMap(depth);
  checkFrameSize(depth, frame);
  const resolved = resolveSource(source, frame, config);
  switch (resolved) {
    case "given":
      return { ...givenRegions(frame, depth), cutBy: resolved };
    case "slic":
      return { ...colourRegions(frame, depth, config.colour), cutBy: resolved };
    case "masks":
      return { ...maskRegions(frame, depth), cutBy: resolved };
    case "components":
    case "infomap":
      return depthRegions(depth, intrinsics, { ...config, grouping: resolved }, frame);
    default:
      throw new ConfigError(
        `Cannot cut regions by "${resolved}": expected ${
          REGION_SOURCES.join(", ")
        }; name one of them`,
      );
  }
}

function givenRegions({ regionIds }: Frame, depth: DepthMap): RegionMap {
  const { height, width } = depth;
  checkArray(
    "cut regions",
    `regionIds of ${height} x ${width}`,
    regionIds,
    Uint16Array,
    height * width,
  );
  return describeKeys(regionIds!, depth);
}
