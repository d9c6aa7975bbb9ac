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
 * `[H,W,3]` of an image; "nearest" keeps colours that stand for something as they are.
 *
 * @throws {DataError} when it cannot be decoded.
 */
export async function readColours(
  path: string,
  { height, width }: Size,
  kernel: "lanczos3" | "nearest" = "lanczos3",
): Promise<Uint8Array> {
  const pixels = await decode(
    path,
    "an image",
    () =>
      sharp(path, { failOn: "truncated" }).removeAlpha().toColourspace("srgb")
        .resize(width, height, { fit: "fill", kernel }).raw().toBuffer(),
  );
  return plain(pixels);
}

/**
 * `[H,W]` values of a grey PNG of up to 8 bits, each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded, or has more than one channel or byte a pixel.
 */
export async function readGrey8(path: string, { height, width }: Size): Promise<Uint8Array> {
  const { channels, depth, bits } = await describeImage(path);
  if (channels !== 1 || depth !== "uchar") {
    throw new DataError(
      `Cannot read ${path}: expected one channel of 8-bit class ids, got ${channels} of ${depth}; ` +
        "save labels as 8-bit grey PNG",
    );
  }
  const values = await decode(
    path,
    "class ids",
    () =>
      sharp(path, { failOn: "truncated" }).toColourspace("b-w")
        .resize(width, height, { fit: "fill", kernel: "nearest" }).raw().toBuffer(),
  );
  // PNGs of 1, 2 or 4 bits, as optimisers write them, are decoded as brightness: stretched to 0..255.
  const stretch = 255 / (2 ** bits - 1);
  return plain(values).map((value) => value / stretch);
}

/**
 * `[H,W]` values of a 16-bit grey PNG, each pixel the nearest one's.
 *
 * @throws {DataError} when it cannot be decoded or has more than one channel or 8 bits alone.
 */
export async function readGrey16(path: string, { height, width }: Size): Promise<Uint16Array> {
  const { channels, depth } = await describeImage(path);
  if (channels !== 1 || depth !== "ushort") {
    throw new DataError(
      `Cannot read ${path}: expected one channel of 16-bit values, got ${channels} of ${depth}; ` +
        "save it as 16-bit grey PNG",
    );
  }
  const bytes = await decode(
    path,
    "16-bit values",
    () =>
      sharp(path, { failOn: "truncated" }).toColourspace("grey16")
        .resize(width, height, { fit: "fill", kernel: "nearest" }).raw({ depth: "ushort" })
        .toBuffer(),
  );
  return new Uint16Array(plain(bytes).slice().buffer);
}

/** What the header of an image file says. */
export interface ImageHeader extends Size {
  readonly channels: number;
  /** Type of a decoded value, such as "uchar". */
  readonly depth: string;
  /** Of a stored value, 8 where the format does not say. */
  readonly bits: number;
}

/** @throws {DataError} when it is no image. */
export async function describeImage(path: string): Promise<ImageHeader> {
  const { height, width, channels, depth, bitsPerSample = 8 } = await decode(
    path,
    "an image",
    () => sharp(path).metadata(),
  );
  return { height, width, channels, depth, bits: bitsPerSample };
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
