/**
 * Cuts a frame into coherent depth regions. Grouping `components`: surfaces that hang together in 3-D, the
 * ground apart from what stands on it, road apart from raised pavement where depth shows the kerb. Grouping
 * `infomap`, the paper's: see infomap_regions.ts.
 *
 * @module
 */

import { checkArray, checkSize } from "../checks.ts";
import { checkCamera } from "../data/description.ts";
import { ConfigError, DataError } from "../errors.ts";
import { type NativeLibrary, sharedLibrary } from "../engine/native/library.ts";
import { randomStream } from "../random.ts";
import type { DepthMap, Intrinsics, RegionMap } from "../records.ts";
import { checkRegionConfig, defaultRegionConfig, type RegionConfig } from "./config.ts";
import { describe } from "./describe.ts";
import { type Surface, surfaceOf } from "./geometry.ts";
import { fitGroundPlane } from "./ground_plane.ts";
import { infomapRegions } from "./infomap_regions.ts";
import { heightsOf, Kind, kindsOf } from "./kinds.ts";
import { logDepths, mergeSmall } from "./merging.ts";
import { regionsNatively } from "./native_regions.ts";
import { labelSurface } from "./surface_labels.ts";
import { type SuperpixelImage, superpixelMedians, superpixels } from "./superpixels.ts";

/** Camera height in median depths, for frames whose ground cannot be fitted. */
const TYPICAL_HEIGHT = 0.12;

/**
 * The regions of one frame. The scale of the depth map does not matter.
 *
 * @example
 * ```ts
 * import { depthRegions, streetScenes } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const { depth, intrinsics } = await scenes.read(0, { height: 64, width: 128 });
 * const disparity = depth!.map((metres) => 1 / metres);
 * const map = depthRegions({ height: 64, width: 128, disparity }, intrinsics!);
 * const pixels = map.regions.reduce((sum, region) => sum + region.area, 0);
 * assertEquals(pixels, 64 * 128);
 * ```
 *
 * @param image The frame that the depth map belongs to; superpixels are cut from it where the
 * settings ask for them, and always by grouping `infomap`.
 * @param library cuts on all cores; null: plain TypeScript, which gives the same ids, and mean disparities
 * that agree to rounding in double. By default the library that ships for this platform.
 * @throws {DataError} when disparity or image and size do not agree, or intrinsics are none in image widths and heights.
 * @throws {ConfigError} when a setting is out of its range, or the settings ask for superpixels of a frame that is not
 * given.
 */
export function depthRegions(
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig = defaultRegionConfig,
  image?: SuperpixelImage,
  library: NativeLibrary | null = sharedLibrary() ?? null,
): RegionMap {
  checkRegionConfig(config);
  checkDepthMap(depth);
  checkIntrinsics(intrinsics);
  if (config.superpixels || config.grouping === "infomap") checkImage(depth, image);
  const map = config.grouping === "infomap"
    ? infomapRegions(depth, intrinsics, config, image!, library)
    : surfaceRegions(depth, intrinsics, config, image, library);
  return { ...map, cutBy: config.grouping };
}

/** Grouping `components`. */
function surfaceRegions(
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig,
  image: SuperpixelImage | undefined,
  library: NativeLibrary | null,
): RegionMap {
  const { height, width } = depth;
  const disparity = config.superpixels
    ? superpixelMedians(depth.disparity, superpixels(image!, config.superpixels, library), library)
    : depth.disparity;
  const random = randomStream(0, "ground-plane");
  if (library && disparity.length > 0) {
    const { labels, count, regions } = regionsNatively(
      depth,
      disparity,
      intrinsics,
      config,
      random,
      library,
    );
    return regions ? { height, width, ids: labels, regions } : describe({ labels, count }, depth);
  }
  const surface = surfaceOf({ height, width, disparity }, intrinsics);
  const plane = fitGroundPlane(surface, config.groundTrials, random);
  const unit = plane?.cameraHeight ?? TYPICAL_HEIGHT * medianDepth(disparity);
  const heights = heightsOf(surface, plane);
  const kinds = kindsOf(surface, heights, unit, plane, config);
  const joins = predicate(surface, heights, kinds, config);
  const components = labelSurface(surface, heights, kinds, config, joins, library);
  const logDepth = logDepths(surface.points);
  const minArea = config.minArea * height * width;
  const keep = { jump: config.keepJump, area: config.keepArea * height * width };
  return describe(mergeSmall(components, logDepth, kinds, height, width, minArea, keep), depth);
}

/** @throws {DataError} when disparities are not as many as the size says. */
export function checkDepthMap({ height, width, disparity }: DepthMap): void {
  const task = "cut regions", name = `disparity of ${height} x ${width}`;
  checkSize(task, "a depth map", [height, width], 0);
  checkArray(task, name, disparity, Float32Array, height * width);
}

function checkIntrinsics(intrinsics: Intrinsics): void {
  const problem = checkCamera(intrinsics);
  if (problem === undefined) return;
  throw new DataError(
    `Cannot cut regions: expected intrinsics in image widths and heights, fx and fy above 0, got ${problem}`,
  );
}

function checkImage(depth: DepthMap, image: SuperpixelImage | undefined): void {
  if (image) return checkFrameSize(depth, image);
  throw new ConfigError(
    "Cannot cut regions by superpixels: expected the frame itself, got none; give it, or set superpixels to " +
      'null and grouping to "components"',
  );
}

/** @throws {DataError} when a frame is not of the size of its depth. */
export function checkFrameSize(
  { height, width }: DepthMap,
  image: Pick<SuperpixelImage, "height" | "width">,
): void {
  if (image.height === height && image.width === width) return;
  throw new DataError(
    `Cannot cut regions: expected a frame of ${height} x ${width} as its depth, ` +
      `got ${image.height} x ${image.width}`,
  );
}

function medianDepth(disparity: Float32Array): number {
  const sorted = Float32Array.from(disparity).sort();
  return 1 / Math.max(1e-6, sorted[sorted.length >> 1]);
}

/** The rule by which neighbouring pixels belong together; native/shared/regions/rules.h has it too. */
export function predicate(
  { points, normals }: Surface,
  heights: Float32Array,
  kinds: Uint8Array,
  { kerb, maxJump, minCosine, creaseCosine }: RegionConfig,
): (a: number, b: number) => boolean {
  return (a, b) => {
    const kind = kinds[a];
    if (kind !== kinds[b]) return false;
    if (kind === Kind.sky) return true;
    if (kind !== Kind.object) return Math.abs(heights[a] - heights[b]) < kerb;
    const za = points[3 * a + 2], zb = points[3 * b + 2];
    const jump = Math.abs(za - zb) / Math.min(za, zb);
    if (jump >= maxJump) return false;
    let cosine = 0, turn = 0;
    for (let c = 0; c < 3; c++) {
      const u = normals[3 * a + c], v = normals[3 * b + c];
      cosine += u * v;
      turn += (points[3 * b + c] - points[3 * a + c]) * (v - u);
    }
    // Normals that turn towards each other: a hollow, where one thing touches another.
    if (turn < 0 && cosine < creaseCosine) return false;
    return cosine > minCosine || jump < maxJump / 4;
  };
}
