/** Random sources and settings of mixing. */
import { type MixConfig, paperMixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import type { Random } from "../../lib/random.ts";

/** Noise with regions in rectangles of a grid. */
export function drawSource(random: Random, height: number, width: number): MixSource {
  const rows = 1 + random.integer(Math.min(3, height));
  const columns = 1 + random.integer(Math.min(3, width));
  const regions = Array.from({ length: rows * columns }, (_, k) => {
    const row = Math.floor(k / columns), column = k % columns;
    const top = Math.floor(row * height / rows), bottom = Math.floor((row + 1) * height / rows);
    const left = Math.floor(column * width / columns);
    const right = Math.floor((column + 1) * width / columns);
    return {
      area: (bottom - top) * (right - left),
      top,
      left,
      bottom,
      right,
      disparity: random.uniform(),
    };
  });
  const ids = new Int32Array(height * width);
  regions.forEach(({ top, left, bottom, right }, id) => {
    for (let y = top; y < bottom; y++) ids.fill(id, y * width + left, y * width + right);
  });
  return {
    height,
    width,
    rgb: Uint8Array.from({ length: 3 * height * width }, () => random.integer(256)),
    depth: {
      height,
      width,
      disparity: Float32Array.from(
        ids,
        (id) =>
          random.chance(0.01)
            ? random.pick([NaN, Infinity, -Infinity, -1, 0])
            : regions[id].disparity * random.uniform(0.8, 1.2),
      ),
    },
    regions: { height, width, ids, regions },
    horizon: random.uniform(0, height),
  };
}

export function drawConfig(random: Random): MixConfig {
  return {
    ...random.pick([tinyMixConfig, paperMixConfig]),
    paste: random.pick(["regions", "boxes"]),
    depthTest: random.chance(0.7),
    groundDistance: random.chance(0.7),
    minHeight: 0,
    minWidth: 0,
    minSide: 0,
    wholeImage: 2,
  };
}
