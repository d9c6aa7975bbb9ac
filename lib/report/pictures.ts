/**
 * The records as pictures: `[H,W,3]` 8-bit arrays that a PNG or the report shows.
 *
 * @module
 */

import type { DepthMap, Frame, MixedBatch, RegionMap } from "../records.ts";
import { idColour, magma, type Rgb } from "./palette.ts";

/** An 8-bit colour picture, `rgb` is `[H,W,3]`. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly rgb: Uint8Array;
}

/** Normalisation of the networks' input: ImageNet's mean and deviation per channel, of 0..1 values. */
const IMAGENET_MEAN: Rgb = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION: Rgb = [0.229, 0.224, 0.225];

/** A frame as it is. */
export function framePicture(frame: Frame): Picture {
  return { height: frame.height, width: frame.width, rgb: frame.rgb };
}

/** Disparity in the "magma" colours, near is bright; scaled to the map's 95th percentile. */
export function disparityPicture(depth: DepthMap): Picture {
  const sorted = Float32Array.from(depth.disparity).sort();
  const top = sorted[Math.floor(0.95 * (sorted.length - 1))] || 1;
  return paint(depth.height, depth.width, (i) => magma(depth.disparity[i] / top));
}

/** Regions, each in a colour of its own over the darkened frame, so that its content stays visible. */
export function regionPicture(map: RegionMap, frame: Frame): Picture {
  return paint(map.height, map.width, (i) => blend(frame.rgb, i, idColour(map.ids[i]), 0.6));
}

/** A segmentation in the classes' colours; ids without a colour (the ignored ones) are black. */
export function labelPicture(
  labels: ArrayLike<number>,
  height: number,
  width: number,
  colours: readonly Rgb[],
): Picture {
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

function paint(height: number, width: number, colour: (pixel: number) => Rgb): Picture {
  const rgb = new Uint8ClampedArray(height * width * 3);
  for (let i = 0; i < height * width; i++) rgb.set(colour(i), 3 * i);
  return { height, width, rgb: new Uint8Array(rgb.buffer) };
}

function blend(under: Uint8Array, pixel: number, over: Rgb, weight: number): Rgb {
  const mix = (c: number) => (1 - weight) * under[3 * pixel + c] + weight * over[c];
  return [mix(0), mix(1), mix(2)];
}
