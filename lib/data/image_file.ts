/**
 * Images and label maps from files, at the size that is asked for.
 *
 * @module
 */

import sharp from "sharp";
import { DataError } from "../errors.ts";
import type { Size } from "./dataset.ts";

/** Names of files that are read as images. */
export const IMAGE_PATTERN = /\.(png|jpe?g|webp|tiff?)$/i;

/** Aspects that differ by more than this are not the same view. */
const ASPECT_TOLERANCE = 0.02;

/**
 * `[H,W,3]` of an image.
 *
 * @throws {DataError} when it cannot be decoded.
 */
export async function readColours(path: string, { height, width }: Size): Promise<Uint8Array> {
  const pixels = await decode(
    path,
    "an image",
    () =>
      sharp(path, { failOn: "truncated" }).removeAlpha().toColourspace("srgb")
        .resize(width, height, { fit: "fill", kernel: "lanczos3" }).raw().toBuffer(),
  );
  return plain(pixels);
}

/**
 * `[H,W]` class ids of an 8-bit PNG, each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded or has more than one channel.
 */
export async function readLabels(path: string, { height, width }: Size): Promise<Uint8Array> {
  const { channels } = await describeImage(path);
  if (channels !== 1) {
    throw new DataError(
      `Cannot read ${path}: expected one channel of class ids, got ${channels}; save labels as 8-bit grey PNG`,
    );
  }
  const ids = await decode(
    path,
    "class ids",
    () =>
      sharp(path, { failOn: "truncated" }).toColourspace("b-w")
        .resize(width, height, { fit: "fill", kernel: "nearest" }).raw().toBuffer(),
  );
  return plain(ids);
}

/** Size and channels of an image file. */
export async function describeImage(path: string): Promise<Size & { channels: number }> {
  const { height, width, channels } = await decode(path, "an image", () => sharp(path).metadata());
  return { height: height!, width: width!, channels: channels! };
}

/** @throws {DataError} naming both files when their aspects differ by more than 2%. */
export async function requireSameAspect(first: string, other: string): Promise<void> {
  const [a, b] = [await describeImage(first), await describeImage(other)];
  const ratio = (a.width / a.height) / (b.width / b.height);
  if (Math.abs(Math.log(ratio)) <= ASPECT_TOLERANCE) return;
  throw new DataError(
    `Cannot use ${other} (${b.width} x ${b.height}) beside ${first} (${a.width} x ${a.height}): expected ` +
      "one aspect; crop the frames alike or give them a dataset of their own",
  );
}

/** The bytes of a Node buffer as a plain array. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

async function decode<T>(path: string, what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new DataError(
      `Cannot read ${path}: expected ${what}, got "${reason}"; replace or remove the file`,
    );
  }
}
