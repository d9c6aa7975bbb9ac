/**
 * Label maps from files, as class ids: ids as they stand, ids of another list, or colours.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Size } from "./dataset.ts";
import { readColourCodes, readGrey8 } from "./image_file.ts";

/**
 * `[H,W]` class ids of a label file at a size, each pixel the nearest one's.
 *
 * @throws {DataError} naming the file when it cannot be read or holds a value that is not listed.
 */
export type LabelReader = (path: string, size: Size) => Promise<Uint8Array>;

/** Marks a stored value that stands for no class. */
const UNKNOWN = -1;

/** Reads 8-bit PNGs of class ids below `classes`, or `ignore`. */
export function plainLabels(classes: number, ignore: number): LabelReader {
  const table = new Map([[ignore, ignore]]);
  for (let id = 0; id < classes; id++) table.set(id, id);
  return mappedLabels(
    table,
    `class ids below ${classes} or ${ignore} (ignored)`,
    "list all classes in dataset.json",
  );
}

/** Reads 8-bit PNGs of `stored` ids and maps each to its class id. */
export function mappedLabels(
  table: ReadonlyMap<number, number>,
  expected: string,
  remedy: string,
): LabelReader {
  const idOf = Int16Array.from({ length: 256 }, (_, stored) => table.get(stored) ?? UNKNOWN);
  return async (path, size) => {
    const stored = await readGrey8(path, size);
    const wrong = stored.find((value) => idOf[value] === UNKNOWN);
    if (wrong === undefined) return stored.map((value) => idOf[value]);
    throw new DataError(`Cannot use ${path}: expected ${expected}, got ${wrong}; ${remedy}`);
  };
}

/** Reads pictures whose colours, as `[red, green, blue]`, stand for class ids. */
export function colourLabels(
  table: Iterable<{ readonly colour: readonly [number, number, number]; readonly id: number }>,
  expected: string,
  remedy: string,
): LabelReader {
  const idOf = new Map<number, number>();
  for (const { colour: [red, green, blue], id } of table) {
    idOf.set(red << 16 | green << 8 | blue, id);
  }
  return async (path, size) => {
    const rgb = await readColourCodes(path, size);
    const ids = new Uint8Array(size.height * size.width);
    for (let i = 0; i < ids.length; i++) {
      const id = idOf.get(rgb[3 * i] << 16 | rgb[3 * i + 1] << 8 | rgb[3 * i + 2]);
      if (id === undefined) {
        const colour = rgb.subarray(3 * i, 3 * i + 3).join(" ");
        throw new DataError(`Cannot use ${path}: expected ${expected}, got ${colour}; ${remedy}`);
      }
      ids[i] = id;
    }
    return ids;
  };
}
