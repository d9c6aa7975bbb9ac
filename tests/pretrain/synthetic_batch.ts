/**
 * A mixed batch drawn pixel by pixel from its copies, without the mixing stage.
 *
 * @module
 */
import { type Random, randomStream } from "../../lib/random.ts";
import type { Copy, MixedBatch } from "../../lib/records.ts";

const SOURCES = 3;

/** x' = a x + c, y' = e y + f, which turns back as x = (x' - c) / a. */
function placement(
  random: Random,
  width: number,
  mixed: number,
  source: number,
  region: number,
): Copy {
  const a = random.uniform(0.6, 1.8) * (random.chance(0.5) ? -1 : 1);
  const e = random.uniform(0.6, 1.8);
  const c = (a < 0 ? width : 0) + random.uniform(-9, 9), f = random.uniform(-6, 6);
  return { mixed, source, region, transform: Float64Array.of(a, 0, c, 0, e, f, 0, 0, 1) };
}

/** The source point that a copy shows at (x, y). */
export function unplace({ transform: t }: Copy, x: number, y: number): [number, number] {
  return [(x - t[2]) / t[0], (y - t[5]) / t[4]];
}

/** Where a copy's transform, a scale and a shift here, puts a pixel of its source. */
export function place({ transform: t }: Copy, u: number, v: number): [number, number] {
  return [t[0] * u + t[2], t[4] * v + t[5]];
}

/**
 * Six images of three sources, each with two pastes. Every source has two regions, its left third
 * and the rest, which differ in colour; a corner of image 0 is padding (region id -1).
 */
export function syntheticBatch(seed: number, height: number, width: number): MixedBatch {
  const random = randomStream(seed);
  const count = 2 * SOURCES, size = height * width;
  const copies: Copy[] = [];
  const copyIds = new Int32Array(count * size), regionIds = new Int32Array(count * size);
  const images = new Float32Array(count * size * 3);
  const regionAt = (x: number) => x < width / 3 ? 0 : 1;
  for (let mixed = 0; mixed < count; mixed++) {
    const first = copies.length;
    copies.push(placement(random, width, mixed, mixed % SOURCES, -1));
    for (let paste = 0; paste < 2; paste++) {
      const source = random.integer(SOURCES), region = random.integer(2);
      copies.push(placement(random, width, mixed, source, region));
    }
    for (let i = 0; i < size; i++) {
      const x = i % width, y = Math.floor(i / width);
      let seen = first;
      for (let c = first + 1; c < copies.length; c++) {
        const [u, v] = unplace(copies[c], x, y);
        const inside = u >= 0 && u <= width - 1 && v >= 0 && v <= height - 1;
        if (inside && regionAt(u) === copies[c].region) seen = c;
      }
      const [u] = unplace(copies[seen], x, y);
      const region = 2 * copies[seen].source + regionAt(u);
      const padding = mixed === 0 && x < 8 && y < 8;
      copyIds[mixed * size + i] = seen;
      regionIds[mixed * size + i] = padding ? -1 : region;
      for (let c = 0; c < 3; c++) {
        images[(mixed * size + i) * 3 + c] = Math.sin(region * (c + 1)) + random.normal(0, 0.1);
      }
    }
  }
  const regionOffsets = Int32Array.of(0, 2, 4, 6);
  return { count, height, width, images, copyIds, regionIds, copies, regionOffsets };
}
