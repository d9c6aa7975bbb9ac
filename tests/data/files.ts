/** Real files for tests of data readers, written by means other than the module's own. */
import { dirname, fromFileUrl, join, SEPARATOR } from "@std/path";
import sharp from "sharp";
import type { Random } from "../../lib/random.ts";

/** Runs `work` in a folder that is removed afterwards. */
export async function inTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch((error) => {
      // Windows keeps what some process still reads; the system clears its temporary folder.
      if (Deno.build.os !== "windows") throw error;
    });
  }
}

/** A message as it is where paths have slashes. */
export function withSlashes(message: string): string {
  return message.replaceAll(SEPARATOR, "/");
}

/** Where real data may lie beside the repository, and why a test of it is left out where it does not. */
export function sharedData(name: string): { folder: string; ignore: boolean; reason: string } {
  const folder = fromFileUrl(new URL(`../../../shared/data/${name}`, import.meta.url));
  let ignore = false;
  try {
    Deno.statSync(folder);
  } catch {
    ignore = true;
  }
  return { folder, ignore, reason: ignore ? ` (ignored: ../shared/data/${name} is not here)` : "" };
}

/** Random bytes. */
export function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(256));
}

/** Random values out of a list. */
export function draws<T>(random: Random, values: readonly T[], length: number): T[] {
  return Array.from({ length }, () => random.pick(values));
}

/** Saves `[H,W,3]` in the format of the path's extension. */
export async function saveRgb(
  path: string,
  rgb: Uint8Array,
  height: number,
  width: number,
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await sharp(rgb, { raw: { height, width, channels: 3 } }).toFile(path);
}

/** Saves frames of noise as `images/0.png` and so on. */
export async function saveNoisyVideo(
  folder: string,
  random: Random,
  count: number,
  { height = 64, width = 128 } = {},
): Promise<void> {
  for (let k = 0; k < count; k++) {
    const rgb = noise(random, 3 * height * width);
    await saveRgb(join(folder, `images/${k}.png`), rgb, height, width);
  }
}

/** Saves an `[H,W]` grey PNG of 1, 2, 4, 8 or 16 bits, written out by the PNG specification. */
export async function saveGrey(
  path: string,
  values: ArrayLike<number>,
  height: number,
  width: number,
  bits: 1 | 2 | 4 | 8 | 16 = 8,
): Promise<void> {
  const stride = 1 + Math.ceil(width * bits / 8);
  const raw = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x];
      const at = y * stride + 1 + (x * bits >> 3);
      if (bits === 16) [raw[at], raw[at + 1]] = [value >> 8, value & 255];
      else raw[at] |= value << (8 - bits - x * bits % 8);
    }
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = bits;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(
    path,
    concatenate([
      Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
      pngChunk("IHDR", header),
      pngChunk("IDAT", await zlib(raw)),
      pngChunk("IEND", new Uint8Array()),
    ]),
  );
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = concatenate([new TextEncoder().encode(type), data]);
  let crc = ~0;
  for (const byte of body) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const [length, check] = [data.length, ~crc].map((value) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value);
    return bytes;
  });
  return concatenate([length, body, check]);
}

async function zlib(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Saves text, in folders made as needed. */
export async function saveText(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** Nearest neighbours: the value under the centre of each pixel. */
export function nearest<T>(
  values: ArrayLike<T>,
  from: { height: number; width: number },
  to: { height: number; width: number },
): T[] {
  const out: T[] = [];
  for (let y = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++) {
      const row = Math.floor((y + 0.5) * from.height / to.height);
      const column = Math.floor((x + 0.5) * from.width / to.width);
      out.push(values[row * from.width + column]);
    }
  }
  return out;
}
