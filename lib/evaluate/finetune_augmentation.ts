/**
 * Random views of labelled frames: enlarged, cropped, mirrored.
 *
 * @module
 */
import type { Random } from "../random.ts";
import type { Frame } from "../records.ts";
import { interpolate, type Taps } from "./upsample.ts";

/** What {@linkcode labelledView} draws from. */
export interface ViewOptions {
  readonly maxZoom: number;
  readonly flipChance: number;
}

/**
 * A view of the frame's own size: a window of 1/zoom of each side at a random place, zoom uniform from 1 to
 * `maxZoom`, enlarged to the full size and perhaps mirrored. Colours are interpolated bilinearly, labels are
 * those of the nearest pixel.
 */
export function labelledView(
  frame: Frame & { readonly labels: Uint8Array },
  { maxZoom, flipChance }: ViewOptions,
  random: Random,
): Frame & { readonly labels: Uint8Array } {
  const { height, width } = frame;
  const step = 1 / random.uniform(1, maxZoom);
  const top = random.uniform(0, height - height * step);
  const left = random.uniform(0, width - width * step);
  const flip = random.chance(flipChance);
  const rows = Array.from({ length: height }, (_, y) => tapsOf(top, y, step, height));
  const columns = Array.from(
    { length: width },
    (_, x) => tapsOf(left, flip ? width - 1 - x : x, step, width),
  );
  const source = Float32Array.from(frame.rgb);
  const rgb = new Uint8Array(frame.rgb.length), labels = new Uint8Array(frame.labels.length);
  const colour = new Float32Array(3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      interpolate(source, width, 3, rows[y], columns[x], colour);
      for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(colour[c]);
      labels[i] = frame.labels[nearest(rows[y]) * width + nearest(columns[x])];
    }
  }
  return { ...frame, rgb, labels };
}

/** Where pixel `at` of a view that begins `start` into an axis comes from. */
function tapsOf(start: number, at: number, step: number, size: number): Taps {
  const position = Math.min(size - 1, Math.max(0, start + (at + 0.5) * step - 0.5));
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, size - 1), weight: position - first };
}

function nearest({ first, second, weight }: Taps): number {
  return weight < 0.5 ? first : second;
}
