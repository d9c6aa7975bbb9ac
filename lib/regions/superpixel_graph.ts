/**
 * The graph of a frame's superpixels, whose links tell how far apart neighbours are in 3-D.
 *
 * @module
 */

import type { NativeLibrary } from "../engine/native/library.ts";
import type { DepthMap, Intrinsics } from "../records.ts";
import { componentStatistics } from "./component_statistics.ts";
import { connectedComponents } from "./connected_components.ts";
import { type SuperpixelConfig, type SuperpixelImage, superpixels } from "./superpixels.ts";

/** See the module's comment. */
export interface SuperpixelGraph {
  /** `[H,W]` nodes 0..count-1, each of one piece. */
  readonly nodes: Int32Array;
  readonly count: number;
  /** Neighbours, `from` < `to`, and their distance 0..1, see {@linkcode relativeDistance}. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly distances: Float64Array;
}

/** What is farther than so many times the nearest, sky for one, counts as no farther. */
const RANGE = 200;

/** The paper's 48 and 4. */
const STEEPNESS = 48, OFFSET = 4;

/**
 * Distance of two places with centroids a and b, whose last axis is depth:
 * sigmoid(48 |a - b| / (z_a + z_b) - 4), 0.018 for the same place up to 1.
 */
export function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  return 1 / (1 + Math.exp(OFFSET - STEEPNESS * apart / (a[2] + b[2])));
}

/**
 * `[H,W,3]` back-projected points, each axis divided by its standard deviation in the frame, so that the
 * scale of depth drops out.
 */
export function normalisedPoints(
  { height, width, disparity }: DepthMap,
  { fx, fy, cx, cy }: Intrinsics,
): Float32Array {
  const points = new Float32Array(3 * height * width);
  const largest = disparity.reduce((most, value) => Math.max(most, value || 0), 0);
  const smallest = largest > 0 ? largest / RANGE : 1;
  const rays = Float64Array.from({ length: width }, (_, x) => ((x + 0.5) / width - cx) / fx);
  for (let y = 0, i = 0; y < height; y++) {
    const slope = ((y + 0.5) / height - cy) / fy;
    for (let x = 0; x < width; x++, i++) {
      const z = smallest / Math.max(smallest, disparity[i] || 0);
      points[3 * i] = z * rays[x];
      points[3 * i + 1] = z * slope;
      points[3 * i + 2] = z;
    }
  }
  for (let axis = 0; axis < 3; axis++) divideByDeviation(points, axis);
  return points;
}

/** An axis on which all lies in one place, as depth of a wall ahead, keeps its unit. */
function divideByDeviation(points: Float32Array, axis: number): void {
  let sum = 0, squares = 0;
  for (let i = axis; i < points.length; i += 3) {
    sum += points[i];
    squares += points[i] * points[i];
  }
  const count = points.length / 3, mean = sum / count;
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
  if (deviation < 1e-9) return;
  for (let i = axis; i < points.length; i += 3) points[i] /= deviation;
}

/** Cuts a frame into superpixels and links those that touch. */
export function superpixelGraph(
  image: SuperpixelImage,
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: SuperpixelConfig,
  library: NativeLibrary | null,
): SuperpixelGraph {
  const shape = [depth.height, depth.width] as const;
  const ids = Float32Array.from(superpixels(image, config, library));
  // A superpixel may lie in several pieces, which are different places.
  const pieces = connectedComponents(
    ids,
    [1, ...shape],
    { connectivity: 4, maxJump: 0 },
    library,
  );
  const components = { labels: pieces.labels, count: pieces.counts[0] };
  const points = normalisedPoints(depth, intrinsics);
  const { components: places, borders } = componentStatistics(
    components,
    shape,
    { points },
    library,
  );
  return {
    nodes: components.labels,
    count: components.count,
    from: Int32Array.from(borders, ({ low }) => low),
    to: Int32Array.from(borders, ({ high }) => high),
    distances: Float64Array.from(
      borders,
      ({ low, high }) => relativeDistance(places[low].centroid, places[high].centroid),
    ),
  };
}
