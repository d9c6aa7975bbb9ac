/**
 * Grouping `infomap`, the paper's (section 3.1): communities of superpixels that are near in 3-D.
 *
 * @module
 */

import type { NativeLibrary } from "../engine/native/library.ts";
import { randomStream } from "../random.ts";
import type { DepthMap, Intrinsics, RegionMap } from "../records.ts";
import { communities } from "./communities.ts";
import type { RegionConfig } from "./config.ts";
import { describe } from "./describe.ts";
import { surfaceOf } from "./geometry.ts";
import { logDepths, mergeSmall } from "./merging.ts";
import { superpixelGraph } from "./superpixel_graph.ts";
import type { SuperpixelImage } from "./superpixels.ts";

/** The frame whose superpixels the settings count. */
const PIXELS = 384 * 768;

/** The regions of one frame; the same for the same input. */
export function infomapRegions(
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig,
  image: SuperpixelImage,
  library: NativeLibrary | null,
): RegionMap {
  const { height, width } = depth, pixels = height * width;
  if (pixels === 0) return { height, width, ids: new Int32Array(), regions: [] };
  const { superpixels, compactness, iterations, apart } = config.infomap;
  const count = Math.max(1, Math.round(superpixels * pixels / PIXELS));
  const settings = { count, compactness, iterations };
  const graph = superpixelGraph(image, depth, intrinsics, settings, library);
  const groups = communities(graph, apart, randomStream(0, "infomap"));
  const components = {
    labels: graph.nodes.map((node) => groups[node]),
    count: groups.reduce((most, id) => Math.max(most, id + 1), 0),
  };
  const logDepth = logDepths(surfaceOf(depth, intrinsics).points);
  const keep = { jump: config.keepJump, area: config.keepArea * pixels };
  const kinds = new Uint8Array(pixels);
  return describe(
    mergeSmall(components, logDepth, kinds, height, width, config.minArea * pixels, keep),
    depth,
  );
}
