/**
 * The view that a mixed image is seen through: enlarged, cropped, mirrored, recoloured, normalised.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { Box, Canvas } from "./canvas.ts";
import { blur, changeColours, type ColourStep, drawColours } from "./colour.ts";
import type { MixConfig } from "./config.ts";

/** ImageNet's mean of red, green and blue in 0..1, which what networks see is less by. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
/** ImageNet's deviation of them, which that is divided by. */
export const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

/** Where a view's pixels come from: canvas x = scaleX * x + shiftX, y likewise. */
export interface View {
  /** Canvas columns a column of the view; negative: mirrored. */
  readonly scaleX: number;
  /** Canvas column of the view's first. */
  readonly shiftX: number;
  /** Canvas rows a row of the view. */
  readonly scaleY: number;
  /** Canvas row of the view's first. */
  readonly shiftY: number;
}

/** Draws the zoom, the crop and the mirroring. */
export function drawView(height: number, width: number, config: MixConfig, random: Random): View {
  const step = 1 / random.uniform(1, config.maxZoom);
  const left = random.uniform(0, width - width * step),
    top = random.uniform(0, height - height * step);
  const shiftX = left + 0.5 * step - 0.5, shiftY = top + 0.5 * step - 0.5;
  return random.chance(config.flipChance)
    ? { scaleX: -step, shiftX: shiftX + (width - 1) * step, scaleY: step, shiftY }
    : { scaleX: step, shiftX, scaleY: step, shiftY };
}

/** What is done to a view's pixels. */
export interface Look {
  /** In order. */
  readonly steps: readonly ColourStep[];
  /** Deviation of the blur in pixels, 0 for none. */
  readonly blur: number;
}

/** Draws the colours and the blur. */
export function drawLook({ viewColour }: MixConfig, random: Random): Look {
  const steps = drawColours(viewColour, random);
  return {
    steps,
    blur: random.chance(viewColour.blurChance) ? random.uniform(...viewColour.blurSigma) : 0,
  };
}

/** The transform source -> view, given source -> canvas. */
export function throughView(transform: Float64Array, view: View): Float64Array {
  // Assigned one by one, which takes a tenth of the time of an iteration for each of a batch's many copies.
  const seen = new Float64Array(9);
  seen[0] = transform[0] / view.scaleX;
  seen[2] = (transform[2] - view.shiftX) / view.scaleX;
  seen[4] = transform[4] / view.scaleY;
  seen[5] = (transform[5] - view.shiftY) / view.scaleY;
  seen[8] = 1;
  return seen;
}

/**
 * The pixels of a canvas that can tell in the view: what it samples, and a pixel around that, since softened edges
 * reach over. Of a larger canvas the rest need not be made.
 */
export function reachOf(
  { scaleX, shiftX, scaleY, shiftY }: View,
  { height, width }: { readonly height: number; readonly width: number },
): Box {
  const [y0, y1] = reachAlong(scaleY, shiftY, height), [x0, x1] = reachAlong(scaleX, shiftX, width);
  return { y0, y1, x0, x1 };
}

/** Positions along an axis only grow or only shrink, so that both ends of the view bound them. */
function reachAlong(scale: number, shift: number, size: number): [number, number] {
  const ends = [shift, scale * (size - 1) + shift];
  const first = Math.floor(Math.max(0, Math.min(size - 1, ...ends)));
  const last = Math.floor(Math.min(size - 1, Math.max(0, ...ends))) + 1;
  return [Math.max(0, first - 1), Math.min(size, last + 2)];
}

/** Writes what the view shows of a canvas, at `index` of the batch's arrays. */
export function renderView(
  canvas: Canvas,
  view: View,
  index: number,
  images: Float32Array,
  copyIds: Int32Array,
  regionIds: Int32Array,
  look: Look,
): void {
  const { height, width } = canvas;
  const offset = index * height * width;
  const pixels = images.subarray(3 * offset, 3 * (offset + height * width));
  for (let y = 0, i = 0; y < height; y++) {
    const sy = view.scaleY * y + view.shiftY;
    for (let x = 0; x < width; x++, i++) {
      const sx = view.scaleX * x + view.shiftX;
      bilinear(canvas, sx, sy, pixels, 3 * i);
      const from = clamp(Math.round(sy), height) * width + clamp(Math.round(sx), width);
      copyIds[offset + i] = canvas.copyIds[from];
      regionIds[offset + i] = canvas.regionIds[from];
    }
  }
  changeColours(pixels, look.steps);
  if (look.blur > 0) blur(pixels, height, width, look.blur);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = (pixels[i] - IMAGENET_MEAN[i % 3]) / IMAGENET_DEVIATION[i % 3];
  }
}

function bilinear(
  { colours, height, width }: Canvas,
  x: number,
  y: number,
  out: Float32Array,
  at: number,
): void {
  const cx = Math.min(width - 1, Math.max(0, x)), cy = Math.min(height - 1, Math.max(0, y));
  const x0 = Math.floor(cx), y0 = Math.floor(cy);
  const x1 = Math.min(width - 1, x0 + 1), y1 = Math.min(height - 1, y0 + 1);
  const fx = cx - x0, fy = cy - y0;
  for (let c = 0; c < 3; c++) {
    const top = colours[3 * (y0 * width + x0) + c] * (1 - fx) +
      colours[3 * (y0 * width + x1) + c] * fx;
    const bottom = colours[3 * (y1 * width + x0) + c] * (1 - fx) +
      colours[3 * (y1 * width + x1) + c] * fx;
    out[at + c] = top * (1 - fy) + bottom * fy;
  }
}

function clamp(index: number, size: number): number {
  return index < 0 ? 0 : index >= size ? size - 1 : index;
}
