/**
 * Writes frames as an ordinary dataset folder.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import sharp from "sharp";
import type { Frame } from "../records.ts";

/** Metres are stored as this many units of a 16-bit PNG; 0 is unknown. */
export const DEPTH_UNITS = 256;

/** The unit of depth that stands for anything as far or farther, the sky included. */
export const FARTHEST = 65535;

/** Inverse depth 0..1 is stored as this many units of a 16-bit PNG; 0 is unknown. */
export const DISPARITY_UNITS = 65535;

/** Writes an `[H,W,3]` picture as PNG. */
export async function writePicture(
  path: string,
  rgb: Uint8Array,
  height: number,
  width: number,
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await sharp(rgb, { raw: { height, width, channels: 3 } }).png().toFile(path);
}

/** Writes an `[H,W]` map of 16-bit values as PNG. */
export async function writeMap16(
  path: string,
  values: Uint16Array,
  height: number,
  width: number,
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await sharp(values, { raw: { height, width, channels: 1 } }).toColourspace("grey16").png().toFile(
    path,
  );
}

/** Writes image, labels, depth and disparity of a frame under `folder`, as `openFolder` reads them. */
export async function writeFrame(folder: string, frame: Frame): Promise<void> {
  const { height, width, name } = frame;
  await writePicture(join(folder, "images", `${name}.png`), frame.rgb, height, width);
  if (frame.labels) {
    const path = join(folder, "labels", `${name}.png`);
    await Deno.mkdir(dirname(path), { recursive: true });
    await sharp(frame.labels, { raw: { height, width, channels: 1 } }).toColourspace("b-w").png()
      .toFile(path);
  }
  if (frame.depth) {
    const units = Uint16Array.from(
      frame.depth,
      (metres) => Math.min(FARTHEST, Math.round(metres * DEPTH_UNITS)),
    );
    await writeMap16(join(folder, "depth", `${name}.png`), units, height, width);
  }
  if (frame.disparity) {
    const units = Uint16Array.from(
      frame.disparity,
      (fraction) => Math.min(DISPARITY_UNITS, Math.round(fraction * DISPARITY_UNITS)),
    );
    await writeMap16(join(folder, "disparity", `${name}.png`), units, height, width);
  }
}
