/**
 * Region labels of mixed images where the pieces that are pasted are others than the regions that the loss
 * compares.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { sourcePixel } from "./canvas.ts";
import { type Composition, type MixPlan, regionOffsetsOf } from "./compose.ts";
import type { MixConfig } from "./config.ts";
import type { MixSource } from "./paste.ts";

/**
 * Refuses a source that was not cut as the settings say. Nothing is cut here, so that settings would do nothing else.
 * `regions` stands for those of the source, however they were cut.
 *
 * @throws {ConfigError} naming the setting.
 */
export function checkCut(
  { regions, shapes }: MixSource,
  index: number,
  { paste, lossRegions }: Pick<MixConfig, "paste" | "lossRegions">,
): void {
  const pasted = shapes ?? regions;
  const wishes = [
    // Nobody but the caller knows how shapes came about that bear no name.
    {
      name: "paste",
      wish: paste,
      cutBy: pasted.cutBy ?? (shapes ? paste : undefined),
      part: "shapes",
    },
    { name: "lossRegions", wish: lossRegions, cutBy: regions.cutBy, part: "regions" },
  ];
  for (const { name, wish, cutBy, part } of wishes) {
    if (["regions", "boxes", "none", cutBy].includes(wish)) continue;
    throw new ConfigError(
      `Cannot mix source ${index} with ${name} "${wish}": expected ${part} that are cut by ${wish}, got ` +
        `${
          cutBy ?? "others"
        }; set its ${part} to regionsBy("${wish}", ...), or ${name} to "regions"`,
    );
  }
}

/** Sources whose regions are the shapes that are pasted. */
export function pasteSources(sources: readonly MixSource[]): readonly MixSource[] {
  return sources.map((source) => source.shapes ? { ...source, regions: source.shapes } : source);
}

/**
 * Looks up, pixel by pixel, the loss's region at the very source pixel that each mixed pixel shows.
 *
 * @param composition Made of {@linkcode pasteSources}; its region ids and offsets are those of shapes.
 * @returns The composition with region ids and offsets of the sources' own `regions`.
 */
export function withLossRegions(
  composition: Composition,
  plans: readonly MixPlan[],
  sources: readonly MixSource[],
): Composition {
  const [{ height, width }] = sources, pixels = height * width;
  const regionOffsets = regionOffsetsOf(sources);
  const regionIds = new Int32Array(composition.regionIds.length);
  const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
  let firstCopy = 0;
  plans.forEach(({ source, pastes, view }, mixed) => {
    const shown = pastes.filter((_, i) => composition.shown[mixed][i]);
    for (let y = 0, i = mixed * pixels; y < height; y++) {
      const row = clamp(Math.round(view.scaleY * y + view.shiftY), height);
      for (let x = 0; x < width; x++, i++) {
        const column = clamp(Math.round(view.scaleX * x + view.shiftX), width);
        const paste = shown[composition.copyIds[i] - firstCopy - 1]?.paste;
        const from = paste?.piece.source ?? source;
        const at = paste ? sourcePixel(paste, sources[from], column, row) : row * width + column;
        regionIds[i] = sources[from].regions.ids[at] + regionOffsets[from];
      }
    }
    firstCopy += 1 + shown.length;
  });
  return { ...composition, regionIds, regionOffsets };
}
