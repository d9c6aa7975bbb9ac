/**
 * Images and maps from files, at the size that is asked for.
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
 * `[H,W,3]` of an image, resized by Lanczos' kernel.
 *
 * @throws {DataError} when it cannot be decoded.
 */
export async function readColours(path: string, { height, width }: Size): Promise<Uint8Array> {
  return await decode(
    path,
    "an image",
    async () => plain(await colours(path).resize(width, height, { fit: "fill" }).raw().toBuffer()),
  );
}

/**
 * `[H,W,3]` of an image whose colours stand for something: each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded.
 */
export async function readColourCodes(path: string, size: Size): Promise<Uint8Array> {
  const stored = await describeImage(path);
  const values = await decode(path, "an image", () => colours(path).raw().toBuffer());
  return nearest(plain(values), stored, size, 3);
}

/**
 * `[H,W]` values of a grey PNG of up to 8 bits, each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded, or has more than one channel or byte a pixel.
 */
export async function readGrey8(path: string, size: Size): Promise<Uint8Array> {
  const stored = await describeImage(path);
  const { channels, depth, bits } = stored;
  if (channels !== 1 || depth !== "uchar") {
    throw new DataError(
      `Cannot read ${path}: expected one channel of 8-bit class ids, got ${channels} of ${depth}; ` +
        "save labels as 8-bit grey PNG",
    );
  }
  const values = await decode(
    path,
    "class ids",
    () => open(path).toColourspace("b-w").raw().toBuffer(),
  );
  // PNGs of 1, 2 or 4 bits, as optimisers write them, are decoded as brightness: stretched to 0..255.
  const stretch = 255 / (2 ** bits - 1);
  return nearest(plain(values), stored, size).map((value) => value / stretch);
}

/**
 * `[H,W]` values of a 16-bit grey PNG, each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded or has more than one channel or 8 bits alone.
 */
export async function readGrey16(path: string, size: Size): Promise<Uint16Array> {
  const stored = await describeImage(path);
  const { channels, depth } = stored;
  if (channels !== 1 || depth !== "ushort") {
    throw new DataError(
      `Cannot read ${path}: expected one channel of 16-bit values, got ${channels} of ${depth}; ` +
        "save it as 16-bit grey PNG",
    );
  }
  const bytes = await decode(
    path,
    "16-bit values",
    () => open(path).toColourspace("grey16").raw({ depth: "ushort" }).toBuffer(),
  );
  return nearest(new Uint16Array(plain(bytes).slice().buffer), stored, size);
}

/** What the header of an image file says; the size is that of the upright picture. */
export interface ImageHeader extends Size {
  readonly channels: number;
  /** Type of a decoded value, such as "uchar". */
  readonly depth: string;
  /** Of a stored value, 8 where the format does not say. */
  readonly bits: number;
}

/** @throws {DataError} when it is no image. */
export async function describeImage(path: string): Promise<ImageHeader> {
  const { autoOrient, channels, depth, bitsPerSample = 8 } = await decode(
    path,
    "an image",
    () => sharp(path).metadata(),
  );
  return { ...autoOrient, channels, depth, bits: bitsPerSample };
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

/** Opens an image, upright as its metadata says, so that a file which ends too early is an error. */
function open(path: string) {
  return sharp(path, { failOn: "truncated" }).autoOrient();
}

/** Three channels of 8 bits, whatever is stored. */
function colours(path: string) {
  return open(path).removeAlpha().toColourspace("srgb");
}

/**
 * `[H,W,C]` values at another size, each pixel the value under its centre. (sharp's own nearest
 * neighbours drift by up to half a pixel where a size is no multiple of the other.)
 */
function nearest<T extends Uint8Array | Uint16Array>(
  values: T,
  from: Size,
  to: Size,
  channels = 1,
): T {
  if (from.height === to.height && from.width === to.width) return values;
  const Values = values.constructor as new (length: number) => T;
  const result = new Values(to.height * to.width * channels);
  for (let y = 0, at = 0; y < to.height; y++) {
    const row = Math.floor((y + 0.5) * from.height / to.height) * from.width;
    for (let x = 0; x < to.width; x++) {
      const pixel = (row + Math.floor((x + 0.5) * from.width / to.width)) * channels;
      for (let c = 0; c < channels; c++) result[at++] = values[pixel + c];
    }
  }
  return result;
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
