/**
 * The regions stage: frames and their depth as images that take part in the mixing.
 *
 * @module
 */

import type { MixConfig } from "../mix/config.ts";
import type { MixSource } from "../mix/paste.ts";
import type { DepthMap, Frame } from "../records.ts";
import type { RegionConfig } from "../regions/config.ts";
import { regionsBy, type RegionSource, resolveSource } from "../regions/region_source.ts";
import { intrinsicsFor } from "./inputs.ts";
import { mixSource } from "./stage_inputs.ts";

/**
 * Cuts every frame into the regions that the loss compares and, where they are others, those that are pasted.
 *
 * @param maps Inverse depths of the frames, in their order; all share one unit.
 * @param mix Says which regions are pasted and which the loss compares.
 * @param report Told after each frame how many are cut.
 * @example
 * ```ts
 * import { mixedBatch, mixSources, PRESETS, readFrames, streetScenes } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const { regions, mix } = PRESETS.tiny;
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 1 });
 * const size = { height: 64, width: 128 };
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
 * const maps = frames.map(({ depth }) => ({ ...size, disparity: depth!.map((metres) => 1 / metres) }));
 * const masks = { ...mix, paste: "masks", sources: 2 } as const;
 * const batch = mixedBatch(mixSources(frames, maps, regions, masks), masks, 0, 0);
 * assertEquals(batch.count, 4);
 * ```
 * @throws {DataError} when masks are asked of a frame without instance ids.
 */
export function mixSources(
  frames: readonly Frame[],
  maps: readonly DepthMap[],
  config: RegionConfig,
  { paste, lossRegions }: Pick<MixConfig, "paste" | "lossRegions">,
  report?: (done: number, total: number) => void,
): MixSource[] {
  // Boxes take their sizes from the stage's own regions.
  const shape = paste === "boxes" || paste === "none" ? "regions" : paste;
  return frames.map((frame, i) => {
    const apart = paste !== "none" &&
      resolveSource(shape, frame, config) !== resolveSource(lossRegions, frame, config);
    const intrinsics = intrinsicsFor(frame);
    const cut = (source: RegionSource) => regionsBy(source, frame, maps[i], intrinsics, config);
    const regions = cut(lossRegions), shapes = apart ? { shapes: cut(shape) } : {};
    report?.(i + 1, frames.length);
    return { ...mixSource(frame, maps[i], regions), ...shapes };
  });
}
