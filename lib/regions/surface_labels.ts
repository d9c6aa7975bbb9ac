/**
 * Labelling of a surface by the relative 3-D rule.
 *
 * @module
 */

import { type HotLibrary, hotLibrary } from "../engine/native/hot.ts";
import type { RegionConfig } from "./config.ts";
import { type Components, type Joins, labelGrid } from "./connected_components.ts";
import type { Surface } from "./geometry.ts";

/**
 * The 4-connected components of a surface.
 *
 * @param heights `[H,W]` above the ground.
 * @param kinds `[H,W]` a `Kind` each (kinds.ts).
 * @param joins the rule as a function: what counts where no library is. The library has the same rule
 * (native/shared/regions/rules.h); tests hold the two together.
 * @param library null: plain TypeScript. By default the library that ships for this platform.
 */
export function labelSurface(
  { height, width, points, normals }: Surface,
  heights: Float32Array,
  kinds: Uint8Array,
  { kerb, maxJump, minCosine, creaseCosine }: RegionConfig,
  joins: Joins,
  library: HotLibrary | null = hotLibrary() ?? null,
): Components {
  if (!library || height * width === 0) return labelGrid(height, width, 4, joins);
  const labels = new Int32Array(height * width), counts = new Int32Array(1);
  library.check(library.symbols.cpcdr_label_surfaces(
    points as Float32Array<ArrayBuffer>,
    normals as Float32Array<ArrayBuffer>,
    heights as Float32Array<ArrayBuffer>,
    kinds as Uint8Array<ArrayBuffer>,
    labels,
    counts,
    Int32Array.of(1, height, width, 4),
    kerb,
    maxJump,
    minCosine,
    creaseCosine,
  ));
  return { labels, count: counts[0] };
}
