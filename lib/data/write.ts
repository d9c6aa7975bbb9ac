/**
 * Writes frames as an ordinary dataset folder.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import sharp from "sharp";
import { checkArray, checkSize } from "../checks.ts";
import { DataError, storageError } from "../errors.ts";
import type { Frame } from "../records.ts";
import { checkDescription, type Description } from "./description.ts";

/** Metres are stored as this many units of a 16-bit PNG; 0 is unknown. */
export const DEPTH_UNITS = 256;

/** The unit of depth that stands for anything as far or farther, the sky included. */
export const FARTHEST = 65535;

/** Inverse depth 0..1 is stored as this many units of a 16-bit PNG; 0 is unknown. */
export const DISPARITY_UNITS = 65535;

/**
 * Writes an `[H,W,3]` picture as PNG.
 *
 * @throws {StorageError} when the disk is full or the folder cannot be written.
 */
export async function writePicture(
  path: string,
  rgb: Uint8Array,
  height: number,
  width: number,
): Promise<void> {
  await save(path, sharp(rgb, { raw: { height, width, channels: 3 } }));
}

/** Writes an `[H,W]` map of 8-bit values as PNG; errors as {@linkcode writePicture}. */
export async function writeMap8(
  path: string,
  values: Uint8Array,
  height: number,
  width: number,
): Promise<void> {
  await save(path, sharp(values, { raw: { height, width, channels: 1 } }).toColourspace("b-w"));
}

/** Writes an `[H,W]` map of 16-bit values as PNG; errors as {@linkcode writePicture}. */
export async function writeMap16(
  path: string,
  values: Uint16Array,
  height: number,
  width: number,
): Promise<void> {
  await save(path, sharp(values, { raw: { height, width, channels: 1 } }).toColourspace("grey16"));
}

/**
 * Writes image, labels, depth, disparity and regions of a frame under `folder`, as `openFolder` reads them. Labels, and
 * intrinsics, are read again with a `dataset.json` that tells of them, see {@linkcode writeDescription}.
 *
 * @example
 * ```ts
 * import { streetScenes, writeFrame } from "@cpcdr/cpcdr";
 * const folder = await Deno.makeTempDir();
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * await writeFrame(folder, await scenes.read(0, { height: 64, width: 128 }));
 * await Deno.stat(`${folder}/images/train-0000/000000.png`);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {DataError} when the name leads out of the folder, or an array does not fit the frame's size.
 * @throws {StorageError} when the disk is full or the folder cannot be written.
 */
export async function writeFrame(folder: string, frame: Frame): Promise<void> {
  const { name, height, width, rgb, labels, depth, disparity, regionIds } = frame;
  if (name === "" || name.split(/[\\/]/).includes("..")) {
    throw new DataError(
      `Cannot write a frame to ${folder}: expected a name without "..", such as drive/000001, got "${name}"; rename it`,
    );
  }
  const task = `write ${name}`, size = `${height} x ${width}`, pixels = height * width;
  checkSize(task, "the frame", [height, width], 1);
  checkArray(task, `rgb of ${size}`, rgb, Uint8Array, 3 * pixels);
  if (labels) checkArray(task, `labels of ${size}`, labels, Uint8Array, pixels);
  if (depth) checkArray(task, `depth of ${size}`, depth, Float32Array, pixels);
  if (disparity) checkArray(task, `disparity of ${size}`, disparity, Float32Array, pixels);
  if (regionIds) checkArray(task, `regionIds of ${size}`, regionIds, Uint16Array, pixels);
  const pathOf = (kind: string) => join(folder, kind, `${name}.png`);
  await writePicture(pathOf("images"), rgb, height, width);
  if (labels) await writeMap8(pathOf("labels"), labels, height, width);
  if (depth) await writeMap16(pathOf("depth"), inUnits(depth, DEPTH_UNITS), height, width);
  if (disparity) {
    await writeMap16(pathOf("disparity"), inUnits(disparity, DISPARITY_UNITS), height, width);
  }
  if (regionIds) await writeMap16(pathOf("regions"), regionIds, height, width);
}

/**
 * Writes the `dataset.json` of a folder of frames: names of classes, without which labels cannot be read, and cameras.
 *
 * @param description Of a dataset, what a file of frames cannot say is taken and the rest left.
 * @example
 * ```ts
 * import { openFolder, streetScenes, writeDescription, writeFrame } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const folder = await Deno.makeTempDir(), size = { height: 64, width: 128 };
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const frame = await scenes.read(0, size);
 * await writeFrame(folder, frame);
 * await writeDescription(folder, { ...scenes, cameras: { [frame.sequence]: frame.intrinsics! } });
 * const { labels, intrinsics } = await (await openFolder(folder)).read(0, size);
 * assertEquals({ labels, intrinsics }, { labels: frame.labels, intrinsics: frame.intrinsics });
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {DataError} when a value is out of its range.
 * @throws {StorageError} when the disk is full or the folder cannot be written.
 */
export async function writeDescription(folder: string, description: Description): Promise<void> {
  const { name, classes, ignore, fps, intrinsics, cameras } = description;
  const path = join(folder, "dataset.json");
  const text = JSON.stringify({ name, classes, ignore, fps, intrinsics, cameras }, null, 2) + "\n";
  checkDescription(path, description);
  await replace(path, () => Promise.resolve(new TextEncoder().encode(text)));
}

/** Values as 16-bit units, those above the range as the last. */
function inUnits(values: Float32Array, units: number): Uint16Array {
  return Uint16Array.from(values, (value) => Math.min(65535, Math.round(value * units)));
}

/** Writes a whole PNG, or leaves the path as it was. */
async function save(path: string, picture: ReturnType<typeof sharp>): Promise<void> {
  await replace(path, () => picture.png().toBuffer());
}

/** Writes a whole file, or leaves the path as it was. */
async function replace(path: string, contents: () => Promise<Uint8Array>): Promise<void> {
  const temporary = `${path}.${Deno.pid}.tmp`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(temporary, await contents());
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw storageError(path, error);
  }
}
