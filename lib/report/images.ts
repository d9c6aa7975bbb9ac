/**
 * Pictures as `<img>` elements that carry their own bytes.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding";
import { escape } from "@std/html";
import sharp from "sharp";
import type { Picture } from "./pictures.ts";

/** How a picture is stored: `flat` ones have few colours, which must stay exact. */
export type PictureKind = "photo" | "flat";

/** Photos with fewer pixels than this are stored exactly, since they are shown enlarged. */
const SMALL = 256 * 256;

/** Quality of the photos that are not, 0..100. */
const QUALITY = 88;

/** An image element with its alternative text. */
export async function image(
  picture: Picture,
  kind: PictureKind,
  alternative: string,
  extraClass = "",
): Promise<string> {
  const { height, width } = picture;
  const small = height * width < SMALL;
  const classes = [small ? "small" : "", extraClass].filter((name) => name).join(" ");
  return `<img src="${await dataAddress(picture, kind, small)}" alt="${escape(alternative)}"` +
    ` width="${width}" height="${height}"${classes && ` class="${classes}"`} draggable="false">`;
}

async function dataAddress(
  { height, width, rgb }: Picture,
  kind: PictureKind,
  small: boolean,
): Promise<string> {
  const pixels = sharp(rgb, { raw: { height, width, channels: 3 } });
  const bytes = kind === "flat"
    ? await pixels.png({ compressionLevel: 9 }).toBuffer()
    : await pixels.webp(small ? { lossless: true } : { quality: QUALITY }).toBuffer();
  return `data:image/${kind === "flat" ? "png" : "webp"};base64,${encodeBase64(bytes)}`;
}
