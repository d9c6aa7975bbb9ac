/**
 * Regions of a depth map by the native library, in one call.
 *
 * @module
 */

import type { NativeLibrary } from "../engine/native/library.ts";
import type { Random } from "../random.ts";
import type { DepthMap, Intrinsics, Region } from "../records.ts";
import type { RegionConfig } from "./config.ts";
import type { Components } from "./connected_components.ts";

/** Regions that are described in the same call; a frame rarely has more than a hundred. */
const CAPACITY = 4096;
/** CPCDR_REGION_FIELDS. */
const FIELDS = 6;
/** What every call describes regions in, and reads at once. */
const fields = new Float64Array(FIELDS * CAPACITY);

/** Labels, and the regions where there are not too many for the call to describe. */
export interface NativeRegions extends Components {
  readonly regions?: readonly Region[];
}

/**
 * What depth_regions.ts does from disparity on.
 *
 * @param disparity `[H,W]` what surfaces are made of; means are taken from `depth`.
 * @param random draws what the fit of the ground draws in TypeScript.
 * @throws {DeviceError} when memory runs out.
 */
export function regionsNatively(
  depth: DepthMap,
  disparity: Float32Array,
  { fx, fy, cx, cy }: Intrinsics,
  config: RegionConfig,
  random: Random,
  { symbols, check }: NativeLibrary,
): NativeRegions {
  const { height, width } = depth, pixels = height * width;
  const { kerb, maxJump, minCosine, creaseCosine, groundHeight, groundUpright, skyDepth } = config;
  const draws = new Uint32Array(3 * config.groundTrials);
  for (let k = 0; k < draws.length; k++) draws[k] = random.bits();
  const labels = new Int32Array(pixels), found = new Int32Array(1);
  const capacity = Math.min(pixels, CAPACITY);
  const lengths = [kerb, maxJump, minCosine, creaseCosine, groundHeight, groundUpright, skyDepth];
  // In the order in which TypeScript multiplies: an area may equal the least one to the last bit.
  const areas = [
    config.minArea * height * width,
    config.keepJump ?? NaN,
    config.keepArea * height * width,
  ];
  check(symbols.cpcdr_depth_regions(
    disparity as Float32Array<ArrayBuffer>,
    depth.disparity as Float32Array<ArrayBuffer>,
    draws,
    labels,
    fields,
    found,
    Int32Array.of(height, width, config.groundTrials, capacity),
    Float64Array.of(fx, fy, cx, cy, ...lengths, ...areas),
  ));
  const count = found[0];
  if (count > capacity) return { labels, count };
  const regions = Array.from({ length: count }, (_, k): Region => {
    const [area, top, left, bottom, right, mean] = fields.subarray(FIELDS * k, FIELDS * (k + 1));
    return { area, top, left, bottom, right, disparity: mean };
  });
  return { labels, count, regions };
}
