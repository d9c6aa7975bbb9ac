/**
 * The records as pictures: `[H,W,3]` 8-bit arrays that a PNG or the report shows.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from "../mix/view.ts";
import type { DepthMap, Frame, MixedBatch, RegionMap } from "../records.ts";
import { idColour, magma, type Rgb } from "./palette.ts";

/** An 8-bit colour picture. */
export interface Picture {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W,3]` sRGB, 0..255. */
  readonly rgb: Uint8Array;
}

/** A frame as it is; the array is shared. */
export function framePicture(frame: Frame): Picture {
  return { height: frame.height, width: frame.width, rgb: frame.rgb };
}

/** Disparity in the "magma" colours, near is bright, NaN grey; scaled to the 95th percentile of what is finite. */
export function disparityPicture(depth: DepthMap): Picture {
  const sorted = depth.disparity.filter(Number.isFinite).sort();
  const top = sorted[Math.floor(0.95 * (sorted.length - 1))] || 1;
  return paint(depth.height, depth.width, (i) => magma(depth.disparity[i] / top));
}

/** Regions, or any ids, each in a colour of its own. */
export function idPicture({ height, width, ids }: IdMap): Picture {
  return paint(height, width, (i) => idColour(ids[i]));
}

/** `[H,W]` ids of any kind: regions, instances, nearest prototypes. */
export type IdMap = Pick<RegionMap, "height" | "width" | "ids">;

/** Regions, each in a colour of its own over the darkened frame, so that its content stays visible. */
export function regionPicture(map: IdMap, frame: Frame): Picture {
  return paint(map.height, map.width, (i) => blend(frame.rgb, i, idColour(map.ids[i]), 0.6));
}

/**
 * `[H,W]` numbers in the "magma" colours, dark for `low` and less, bright for `high` and more.
 *
 * @throws {ConfigError} when there are not H x W values.
 */
export function scalarPicture(
  values: ArrayLike<number>,
  height: number,
  width: number,
  low: number,
  high: number,
): Picture {
  checkLength("a map", values, height, width);
  const range = high - low || 1;
  return paint(height, width, (i) => magma((values[i] - low) / range));
}

/**
 * A frame in which everything but the pixels that hold is dark.
 *
 * @param holds told the index of a pixel, `y * W + x`.
 */
export function spotlightPicture(frame: Frame, holds: (pixel: number) => boolean): Picture {
  return paint(
    frame.height,
    frame.width,
    (i) => blend(frame.rgb, i, [0, 0, 0], holds(i) ? 0 : 0.75),
  );
}

/** A copy of a picture with a cross about pixel (x, y), for pointing at it. */
export function markedPicture({ height, width, rgb }: Picture, x: number, y: number): Picture {
  const marked = rgb.slice();
  const arm = Math.max(3, Math.round(height / 16));
  for (let away = 2; away <= arm; away++) {
    for (const [dx, dy] of [[away, 0], [-away, 0], [0, away], [0, -away]]) {
      const [column, row] = [x + dx, y + dy];
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      marked.set([255, 0, 80], 3 * (row * width + column));
    }
  }
  return { height, width, rgb: marked };
}

/**
 * A segmentation in the classes' colours; ids without a colour (the ignored ones) are black.
 *
 * @throws {ConfigError} when there are not H x W labels.
 */
export function labelPicture(
  labels: ArrayLike<number>,
  height: number,
  width: number,
  colours: readonly Rgb[],
): Picture {
  checkLength("a segmentation", labels, height, width);
  return paint(height, width, (i) => colours[labels[i]] ?? [0, 0, 0]);
}

/** Where a segmentation is wrong: the colour predicted there, over the frame in darkened grey. */
export function mistakePicture(
  predicted: ArrayLike<number>,
  frame: Frame,
  labels: ArrayLike<number>,
  ignore: number,
  colours: readonly Rgb[],
): Picture {
  return paint(frame.height, frame.width, (i) => {
    const wrong = labels[i] !== ignore && labels[i] !== predicted[i];
    if (wrong) return colours[predicted[i]] ?? [0, 0, 0];
    const grey = 0.6 * (frame.rgb[3 * i] + frame.rgb[3 * i + 1] + frame.rgb[3 * i + 2]) / 3;
    return [grey, grey, grey];
  });
}

/** One mixed image of a batch, its normalisation undone. */
export function mixedPicture(batch: MixedBatch, index: number): Picture {
  const offset = index * batch.height * batch.width * 3;
  const channel = (i: number, c: number) =>
    255 * (batch.images[offset + 3 * i + c] * IMAGENET_DEVIATION[c] + IMAGENET_MEAN[c]);
  return paint(batch.height, batch.width, (i) => [channel(i, 0), channel(i, 1), channel(i, 2)]);
}

/** A picture with every pixel `factor` times as wide and as high, a whole number. */
export function enlarged({ height, width, rgb }: Picture, factor: number): Picture {
  if (factor === 1) return { height, width, rgb };
  const large = new Uint8Array(height * width * factor * factor * 3);
  for (let y = 0, to = 0; y < height * factor; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < width * factor; x++, to += 3) {
      const from = 3 * (row + Math.floor(x / factor));
      large[to] = rgb[from];
      large[to + 1] = rgb[from + 1];
      large[to + 2] = rgb[from + 2];
    }
  }
  return { height: height * factor, width: width * factor, rgb: large };
}

/** Pictures of equal height side by side, with a gap of white columns. */
export function sideBySide(pictures: readonly Picture[], gap = 2): Picture {
  const height = pictures[0].height;
  const width = pictures.reduce((sum, picture) => sum + picture.width + gap, -gap);
  const rgb = new Uint8Array(height * width * 3).fill(255);
  let left = 0;
  for (const picture of pictures) {
    for (let y = 0; y < height; y++) {
      const row = picture.rgb.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
      rgb.set(row, 3 * (y * width + left));
    }
    left += picture.width + gap;
  }
  return { height, width, rgb };
}

/** Pictures below one another, flush left, with a gap of white rows. */
export function stacked(pictures: readonly Picture[], gap = 2): Picture {
  const width = Math.max(...pictures.map((picture) => picture.width));
  const height = pictures.reduce((sum, picture) => sum + picture.height + gap, -gap);
  const rgb = new Uint8Array(height * width * 3).fill(255);
  let top = 0;
  for (const picture of pictures) {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.rgb.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
      rgb.set(row, 3 * (top + y) * width);
    }
    top += picture.height + gap;
  }
  return { height, width, rgb };
}

function checkLength(
  what: string,
  { length }: ArrayLike<number>,
  height: number,
  width: number,
): void {
  if (length === height * width) return;
  throw new ConfigError(
    `Cannot paint ${what}: expected ${height} x ${width} values, got ${length}`,
  );
}

function paint(height: number, width: number, colour: (pixel: number) => Rgb): Picture {
  const rgb = new Uint8ClampedArray(height * width * 3);
  for (let i = 0; i < height * width; i++) rgb.set(colour(i), 3 * i);
  return { height, width, rgb: new Uint8Array(rgb.buffer) };
}

function blend(under: Uint8Array, pixel: number, over: Rgb, weight: number): Rgb {
  const mix = (c: number) => (1 - weight) * under[3 * pixel + c] + weight * over[c];
  return [mix(0), mix(1), mix(2)];
}
