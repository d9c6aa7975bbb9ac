/**
 * Regions of a frame by colour alone, for comparison: superpixels whose mean colours are merged without any
 * look at depth.
 *
 * @module
 */

import { BinaryHeap } from "@std/data-structures/binary-heap";
import { type NativeLibrary, sharedLibrary } from "../engine/native/library.ts";
import type { DepthMap, RegionMap } from "../records.ts";
import { componentStatistics } from "./component_statistics.ts";
import type { ColourRegionConfig } from "./config.ts";
import { connectedComponents } from "./connected_components.ts";
import { describeKeys } from "./describe.ts";
import { leaderOf } from "./numbering.ts";
import { type SuperpixelImage, superpixels, toLab } from "./superpixels.ts";

/** The frame whose superpixels the settings count. */
const PIXELS = 384 * 768;

/**
 * Merges touching superpixels of a frame, each time the two whose union adds the least to the squared distances
 * in CIELAB between pixels and the mean colours of their regions (Ward 1963), until `regions` are left.
 *
 * @param depth Tells the mean disparity of each region; it has no part in the cutting.
 */
export function colourRegions(
  image: SuperpixelImage,
  depth: DepthMap,
  config: ColourRegionConfig,
  library: NativeLibrary | null = sharedLibrary() ?? null,
): RegionMap {
  const { height, width } = image;
  const count = Math.max(1, Math.round(config.superpixels * height * width / PIXELS));
  const ids = Float32Array.from(superpixels(image, { ...config, count }, library));
  const shape: [number, number, number] = [1, height, width];
  const pieces = connectedComponents(ids, shape, { connectivity: 4, maxJump: 0 }, library);
  const components = { labels: pieces.labels, count: pieces.counts[0] };
  const points = toLab(image.rgb);
  const { components: places, borders } = componentStatistics(
    components,
    [height, width],
    { points },
    library,
  );
  const merged = mergeByColour(
    places.map(({ area, centroid }) => ({ area, colour: centroid })),
    borders.map(({ low, high }) => [low, high]),
    config.regions,
  );
  return describeKeys(components.labels.map((id) => merged[id]), depth);
}

/** A region while regions merge. */
interface ColourRegion {
  readonly area: number;
  readonly colour: readonly number[];
}

/** For each of the regions the one that stands for what it has become part of. */
export function mergeByColour(
  regions: readonly ColourRegion[],
  borders: readonly (readonly number[])[],
  wanted: number,
): Int32Array {
  const states = [...regions];
  const leader = Int32Array.from(regions, (_, i) => i);
  const neighbours = regions.map(() => new Set<number>());
  const queue = new BinaryHeap(byCost);
  const ages = new Int32Array(regions.length);
  const offer = (a: number, b: number) =>
    queue.push({ cost: cost(states[a], states[b]), a, b, age: ages[a] + ages[b] });
  for (const [a, b] of borders) {
    neighbours[a].add(b);
    neighbours[b].add(a);
    offer(a, b);
  }
  for (let left = regions.length; left > wanted;) {
    const pair: Pair | undefined = queue.pop();
    if (!pair) break;
    const { a, b, age } = pair;
    // An offer is out of date when one of the two has changed since, or is gone.
    if (leader[a] !== a || leader[b] !== b || ages[a] + ages[b] !== age) continue;
    const area = states[a].area + states[b].area;
    const share = states[b].area / area;
    const colour = states[a].colour.map((value, c) =>
      value + share * (states[b].colour[c] - value)
    );
    states[a] = { area, colour };
    leader[b] = a;
    ages[a]++;
    for (const other of neighbours[b]) {
      neighbours[other].delete(b);
      if (other === a) continue;
      neighbours[other].add(a);
      neighbours[a].add(other);
    }
    for (const other of neighbours[a]) offer(a, other);
    left--;
  }
  return leader.map((_, i) => leaderOf(leader, i));
}

/** What a union adds to the squared distances from mean colours. */
function cost(a: ColourRegion, b: ColourRegion): number {
  const distance = a.colour.reduce((sum, value, c) => sum + (value - b.colour[c]) ** 2, 0);
  return a.area * b.area / (a.area + b.area) * distance;
}

interface Pair {
  readonly cost: number;
  readonly a: number;
  readonly b: number;
  /** Unions that the two have been through, together, when this was offered. */
  readonly age: number;
}

/** The cheapest first; of equals, the one with the lower numbers. */
function byCost(p: Pair, q: Pair): number {
  return p.cost - q.cost || p.a - q.a || p.b - q.b;
}
