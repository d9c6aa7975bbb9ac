/**
 * What the components of a labelled map are like, and which of them touch.
 *
 * @module
 */

import { checkArray, checkSize } from "../checks.ts";
import { type HotLibrary, hotLibrary } from "../engine/native/hot.ts";
import { ConfigError } from "../errors.ts";
import type { Components } from "./connected_components.ts";

/** Of one component; `bottom` and `right` lie behind its last pixel. */
export interface ComponentStatistics {
  /** Pixels. */
  readonly area: number;
  /** First row of its box. */
  readonly top: number;
  /** First column of its box. */
  readonly left: number;
  /** The row after the last. */
  readonly bottom: number;
  /** The column after the last. */
  readonly right: number;
  /** Mean of the values, 0 where none were given. */
  readonly mean: number;
  /** Mean of the points, zeros where none were given. */
  readonly centroid: readonly [number, number, number];
}

/** Two components, `low` < `high`, and the pairs of 4-neighbour pixels by which they touch. */
export interface ComponentBorder {
  /** The smaller label. */
  readonly low: number;
  /** The larger label. */
  readonly high: number;
  /** Pairs of neighbours, one of each. */
  readonly length: number;
}

/** What {@linkcode componentStatistics} reads beside the labels. */
export interface StatisticsInput {
  /** `[H,W]`. */
  readonly values?: Float32Array;
  /** `[H,W,3]`. */
  readonly points?: Float32Array;
}

/** See the module's comment. */
export interface Statistics {
  /** By label. */
  readonly components: readonly ComponentStatistics[];
  /** In order of `low`, then `high`. */
  readonly borders: readonly ComponentBorder[];
}

/**
 * Area, box, mean and centroid of every component of `[H,W]` labels, and the graph of neighbours, in one
 * pass. Labels below 0 are background.
 *
 * @example
 * ```ts
 * import { componentStatistics } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const labels = Int32Array.of(0, 0, 1, 0, -1, 1);
 * const { components, borders } = componentStatistics({ labels, count: 2 }, [2, 3]);
 * assertEquals(components.map(({ area }) => area), [3, 2]);
 * assertEquals(borders, [{ low: 0, high: 1, length: 1 }]);
 * ```
 *
 * @param library null: plain TypeScript. By default the library that ships for this platform.
 * @throws {ConfigError} when an array is of another type or does not fit the shape.
 */
export function componentStatistics(
  components: Components,
  [height, width]: readonly [number, number],
  input: StatisticsInput = {},
  library: HotLibrary | null = hotLibrary() ?? null,
): Statistics {
  const pixels = height * width;
  const { values, points } = input;
  const task = "measure components", size = `${height} x ${width}`;
  checkSize(task, "the labels", [height, width], 0, ConfigError);
  checkArray(task, `labels of ${size}`, components.labels, Int32Array, pixels, ConfigError);
  if (values) checkArray(task, `values of ${size}`, values, Float32Array, pixels, ConfigError);
  if (points) checkArray(task, `points of ${size}`, points, Float32Array, 3 * pixels, ConfigError);
  return library
    ? measureNatively(components, height, width, input, library)
    : measurePlainly(components, height, width, input);
}

function measureNatively(
  { labels, count }: Components,
  height: number,
  width: number,
  { values = null, points = null }: { values?: Float32Array | null; points?: Float32Array | null },
  { symbols, check }: HotLibrary,
): Statistics {
  const boxes = new Int32Array(5 * count), means = new Float64Array(4 * count);
  const found = new Int32Array(1);
  // Regions that touch along edges form a planar graph: 3 borders a region nearly always suffice.
  for (let capacity = 3 * count;;) {
    const borders = new Int32Array(3 * capacity);
    check(symbols.cpcdr_label_statistics(
      labels as Int32Array<ArrayBuffer>,
      values as Float32Array<ArrayBuffer> | null,
      points as Float32Array<ArrayBuffer> | null,
      boxes,
      means,
      borders,
      found,
      Int32Array.of(height, width, count, capacity),
    ));
    if (found[0] <= capacity) {
      return collect(count, boxes, means, borders.subarray(0, 3 * found[0]));
    }
    capacity = found[0];
  }
}

function measurePlainly(
  { labels, count }: Components,
  height: number,
  width: number,
  { values, points }: StatisticsInput,
): Statistics {
  const boxes = new Int32Array(5 * count), means = new Float64Array(4 * count);
  const lengths = new Map<number, number>();
  const touch = (a: number, b: number) => {
    if (a === b || a < 0 || b < 0) return;
    const key = Math.min(a, b) * count + Math.max(a, b);
    lengths.set(key, (lengths.get(key) ?? 0) + 1);
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i];
      if (x > 0) touch(label, labels[i - 1]);
      if (y > 0) touch(label, labels[i - width]);
      if (label < 0) continue;
      const box = boxes.subarray(5 * label, 5 * label + 5), sums = means.subarray(4 * label);
      box.set(
        box[0] === 0 ? [1, y, x, y + 1, x + 1] : [
          box[0] + 1,
          box[1],
          Math.min(box[2], x),
          y + 1,
          Math.max(box[4], x + 1),
        ],
      );
      sums[0] += values?.[i] ?? 0;
      for (let c = 0; c < 3; c++) sums[1 + c] += points?.[3 * i + c] ?? 0;
    }
  }
  means.forEach((sum, k) => means[k] = sum / Math.max(1, boxes[5 * (k >> 2)]));
  const keys = [...lengths.keys()].sort((a, b) => a - b);
  const borders = keys.flatMap((key) => [Math.floor(key / count), key % count, lengths.get(key)!]);
  return collect(count, boxes, means, borders);
}

function collect(
  count: number,
  boxes: Int32Array,
  means: Float64Array,
  borders: ArrayLike<number>,
): Statistics {
  const components = Array.from({ length: count }, (_, k): ComponentStatistics => {
    const [area, top, left, bottom, right] = boxes.subarray(5 * k, 5 * k + 5);
    const [mean, x, y, z] = means.subarray(4 * k, 4 * k + 4);
    return { area, top, left, bottom, right, mean, centroid: [x, y, z] };
  });
  const pairs = Array.from({ length: borders.length / 3 }, (_, k): ComponentBorder => ({
    low: borders[3 * k],
    high: borders[3 * k + 1],
    length: borders[3 * k + 2],
  }));
  return { components, borders: pairs };
}
