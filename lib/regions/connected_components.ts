/**
 * Connected components of a grid: pixels are joined by a predicate on neighbours, labelled in raster
 * order of each component's first pixel.
 *
 * @module
 */

import { checkArray, checkSize } from "../checks.ts";
import { type HotLibrary, hotLibrary } from "../engine/native/hot.ts";
import { ConfigError } from "../errors.ts";
import { leaderOf } from "./numbering.ts";

/** Labels of one map, `[H,W]`, 0..count-1, or -1 for background. */
export interface Components {
  /** `[H,W]` in raster order of first pixel, -1 for background. */
  readonly labels: Int32Array;
  /** Components. */
  readonly count: number;
}

/** Labels of a batch of maps, `[B,H,W]`, and how many each map has. */
export interface BatchComponents {
  /** `[B,H,W]` the same; each map counts from 0. */
  readonly labels: Int32Array;
  /** `[B]` components of each map. */
  readonly counts: Int32Array;
}

/** Whether two neighbouring pixels, given by index, belong together. */
export type Joins = (a: number, b: number) => boolean;

/** Settings of {@linkcode connectedComponents}. */
export interface ComponentOptions {
  /** 4: along rows and columns; 8: along diagonals too. */
  readonly connectivity: 4 | 8;
  /** Neighbours join when they differ by at most this. */
  readonly maxJump: number;
  /** Pixels of this value, as the map's type stores it, get label -1. */
  readonly background?: number;
  /** `[B,H,W]` the array to write labels to; spares the collector where many maps are labelled. */
  readonly labels?: Int32Array<ArrayBuffer>;
}

/** Union-find over the pixels of one map. */
export function labelGrid(
  height: number,
  width: number,
  connectivity: 4 | 8,
  joins: Joins,
): Components {
  const parent = new Int32Array(height * width);
  const unite = (a: number, b: number) => {
    const [p, q] = [leaderOf(parent, a), leaderOf(parent, b)];
    // The earlier pixel leads, so that leaders come in raster order.
    if (p < q) parent[q] = p;
    else parent[p] = q;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      parent[i] = i;
      if (x > 0 && joins(i - 1, i)) unite(i - 1, i);
      if (y === 0) continue;
      if (joins(i - width, i)) unite(i - width, i);
      if (connectivity === 4) continue;
      if (x > 0 && joins(i - width - 1, i)) unite(i - width - 1, i);
      if (x < width - 1 && joins(i - width + 1, i)) unite(i - width + 1, i);
    }
  }
  let count = 0;
  const labels = new Int32Array(height * width);
  for (let i = 0; i < labels.length; i++) {
    const leader = leaderOf(parent, i);
    labels[i] = leader === i ? count++ : labels[leader];
  }
  return { labels, count };
}

/**
 * Labels a batch of maps `[B,H,W]` of floats or bytes: neighbours join when |a - b| <= maxJump. NaN joins
 * nothing, equal infinities join. Labels are 0..n-1 per map in raster order of first pixel, background is
 * -1. Bytes are the faster kind, for masks and class ids.
 *
 * @param shape `[B,H,W]`.
 * @example
 * ```ts
 * import { connectedComponents } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const map = Float32Array.of(1, 1.1, 5, 1, 9, 5);
 * const { labels, counts } = connectedComponents(map, [1, 2, 3], { connectivity: 4, maxJump: 0.2 });
 * assertEquals([...labels], [0, 0, 1, 0, 2, 1]);
 * assertEquals(counts[0], 3);
 * ```
 *
 * @param library labels on all cores; null: plain TypeScript, which gives the same labels. By default
 * the library that ships for this platform, if one does.
 * @throws {ConfigError} when the map or the array for labels is of another type or not of length B*H*W, or an option
 * is out of its range.
 */
export function connectedComponents(
  map: Float32Array | Uint8Array,
  shape: readonly [number, number, number],
  options: ComponentOptions,
  library: HotLibrary | null = hotLibrary() ?? null,
): BatchComponents {
  const [batch, height, width] = shape;
  const { connectivity, maxJump } = options;
  const task = "label a map", size = shape.join(" x "), pixels = batch * height * width;
  checkSize(task, "the maps", shape, 0, ConfigError);
  checkArray(task, `maps of ${size}`, map, [Float32Array, Uint8Array], pixels, ConfigError);
  if (!(maxJump >= 0) || (connectivity !== 4 && connectivity !== 8)) {
    throw new ConfigError(
      `Cannot label a map: expected connectivity 4 or 8 and maxJump from 0, got ${connectivity} and ${maxJump}`,
    );
  }
  if (options.labels) {
    checkArray(task, `labels of ${size}`, options.labels, Int32Array, pixels, ConfigError);
  }
  return library && map.length > 0
    ? labelNatively(map as OwnMap, shape, options, library)
    : labelPlainly(map, shape, options);
}

/** A map in memory that the FFI takes. */
type OwnMap = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

function labelNatively(
  map: OwnMap,
  [batch, height, width]: readonly [number, number, number],
  { connectivity, maxJump, background, labels = new Int32Array(map.length) }: ComponentOptions,
  { symbols, check }: HotLibrary,
): BatchComponents {
  const counts = new Int32Array(batch);
  const wanted = storedIn(map, background);
  // Bytes may be labelled as floats, which must not round a number that no byte equals to one that some do.
  const hasBackground = wanted !== undefined && Math.fround(wanted) === wanted;
  const sizes = Int32Array.of(batch, height, width, connectivity, Number(hasBackground));
  const missing = wanted ?? 0;
  if (map instanceof Uint8Array && symbols.cpcdr_label_bytes) {
    check(symbols.cpcdr_label_bytes(map, labels, counts, sizes, maxJump, missing));
  } else {
    const floats = map instanceof Uint8Array ? new Float32Array(map) : map;
    check(symbols.cpcdr_label(floats, labels, counts, sizes, maxJump, missing));
  }
  return { labels, counts };
}

/** The number that pixels are compared with: 0.1 is another one in a Float32Array. */
function storedIn(
  map: Float32Array | Uint8Array,
  background: number | undefined,
): number | undefined {
  return background === undefined || map instanceof Uint8Array
    ? background
    : Math.fround(background);
}

function labelPlainly(
  map: Float32Array | Uint8Array,
  [batch, height, width]: readonly [number, number, number],
  { connectivity, maxJump, labels = new Int32Array(map.length), ...options }: ComponentOptions,
): BatchComponents {
  const counts = new Int32Array(batch), background = storedIn(map, options.background);
  for (let b = 0; b < batch; b++) {
    const values = map.subarray(b * height * width, (b + 1) * height * width);
    const joins = (p: number, q: number) => {
      const [u, v] = [values[p], values[q]];
      return (u === v || Math.abs(u - v) <= maxJump) && u !== background && v !== background;
    };
    const components = labelGrid(height, width, connectivity, joins);
    const target = labels.subarray(b * height * width, (b + 1) * height * width);
    counts[b] = background === undefined
      ? copyLabels(components, target)
      : dropBackground(components, values, background, target);
  }
  return { labels, counts };
}

function copyLabels({ labels, count }: Components, target: Int32Array): number {
  target.set(labels);
  return count;
}

/** Renumbers what is left when background pixels, each a component of its own, are taken out. */
function dropBackground(
  { labels, count }: Components,
  values: Float32Array | Uint8Array,
  background: number,
  target: Int32Array,
): number {
  const renamed = new Int32Array(count).fill(-1);
  let kept = 0;
  for (let i = 0; i < labels.length; i++) {
    if (values[i] === background) {
      target[i] = -1;
      continue;
    }
    if (renamed[labels[i]] < 0) renamed[labels[i]] = kept++;
    target[i] = renamed[labels[i]];
  }
  return kept;
}
