/**
 * Variation of training frames.
 *
 * @module
 */
import { checkCamera } from "../data/description.ts";
import { DataError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Intrinsics } from "../records.ts";
import type { DepthAugmentation } from "./config.ts";

/** Values of pixels: bytes 0..255 or floats 0..1. */
export type Pixels = Uint8Array | Float32Array;

/** Target frames, each with two others of its video, as data loaders give them. */
export interface DepthBatch {
  /** B. */
  readonly count: number;
  /** H, pixels; a multiple of 32. */
  readonly height: number;
  /** W, pixels; a multiple of 32. */
  readonly width: number;
  /** `[B,H,W,3]` frames whose depth is learnt. */
  readonly target: Pixels;
  /** Twice `[B,H,W,3]`: the frames that targets are made of. */
  readonly sources: readonly [Pixels, Pixels];
  /**
   * For both sources, one per target: frames from the target to the source, such as -1 for the one
   * before and 1 for the one after it.
   */
  readonly offsets: readonly [readonly number[], readonly number[]];
  /** One per target. */
  readonly intrinsics: readonly Intrinsics[];
}

/** The same as floats 0..1, in the order target, first source, second source. */
export interface PreparedBatch {
  /** Three of `[B,H,W,3]`, perhaps mirrored: what the losses compare. */
  readonly frames: readonly Float32Array[];
  /** The same with colour jitter: what the networks see. */
  readonly varied: readonly Float32Array[];
  readonly intrinsics: readonly Intrinsics[];
}

/**
 * Mirrors and recolours each group of frames at random, the same way in all three.
 *
 * @throws {DataError} when an array does not have the size that the batch says, or intrinsics are none.
 */
export function prepareBatch(
  batch: DepthBatch,
  augmentation: DepthAugmentation,
  random: Random,
): PreparedBatch {
  checkBatch(batch);
  const size = batch.height * batch.width * 3;
  const all = [batch.target, ...batch.sources];
  const frames = all.map((pixels) => toFloats(pixels));
  const varied = frames.map((pixels) => pixels.slice());
  const intrinsics = [...batch.intrinsics];
  for (let item = 0; item < batch.count; item++) {
    const part = (pixels: Float32Array) => pixels.subarray(item * size, (item + 1) * size);
    if (random.chance(augmentation.flip)) {
      for (const pixels of [...frames, ...varied]) mirrorRows(part(pixels), batch.width);
      intrinsics[item] = { ...intrinsics[item], cx: 1 - intrinsics[item].cx };
    }
    if (random.chance(augmentation.jitter)) {
      const jitter = drawJitter(augmentation, random);
      for (const pixels of varied) recolour(part(pixels), jitter);
    }
  }
  return { frames, varied, intrinsics };
}

/** @throws {DataError} when an array does not have the size that the batch says, or intrinsics are none. */
export function checkBatch(batch: DepthBatch): void {
  const size = batch.height * batch.width * 3;
  const perItem = [batch.intrinsics, ...batch.offsets].map(({ length }) => length);
  for (const { length } of [batch.target, ...batch.sources]) {
    if (length !== batch.count * size || perItem.some((items) => items !== batch.count)) {
      throw new DataError(
        `Cannot use a depth batch: expected ${batch.count} frames of ${batch.width}x${batch.height}, ` +
          `their intrinsics and offsets, got ${length} values and ${perItem.join(", ")} of these`,
      );
    }
  }
  batch.intrinsics.forEach((camera, item) => {
    const problem = checkCamera(camera);
    if (!problem) return;
    throw new DataError(
      `Cannot use a depth batch: expected intrinsics fx, fy above 0 and cx, cy, in image widths and heights, of item ` +
        `${item}, got ${problem}`,
    );
  });
}

/** Bytes become 0..1; floats are copied. */
export function toFloats(pixels: Uint8Array | Float32Array): Float32Array {
  if (pixels instanceof Float32Array) return pixels.slice();
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < values.length; i++) values[i] = pixels[i] / 255;
  return values;
}

/** Mirrors an `[H,W,3]` image in place, left to right. */
export function mirrorRows(pixels: Float32Array, width: number): void {
  for (let row = 0; row < pixels.length; row += 3 * width) {
    for (let left = row, right = row + 3 * (width - 1); left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const other = pixels[left + c];
        pixels[left + c] = pixels[right + c];
        pixels[right + c] = other;
      }
    }
  }
}

interface Jitter {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Radians. */
  readonly hue: number;
}

function drawJitter({ jitterStrength, jitterHue }: DepthAugmentation, random: Random): Jitter {
  const factor = () => random.uniform(1 - jitterStrength, 1 + jitterStrength);
  const [brightness, contrast, saturation] = [factor(), factor(), factor()];
  return { brightness, contrast, saturation, hue: 2 * Math.PI * random.uniform(-1, 1) * jitterHue };
}

/** Luma weights of ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114];

/**
 * Brightness, saturation, hue and contrast as one affine map of colour, in place, clamped to 0..1.
 * Chroma (colour minus its luma) is scaled by the saturation and turned by the hue about the grey
 * axis; contrast scales about the image's mean luma.
 */
function recolour(pixels: Float32Array, { brightness, contrast, saturation, hue }: Jitter): void {
  const [cosine, sine] = [Math.cos(hue), Math.sin(hue) / Math.sqrt(3)];
  const turn = (i: number, j: number) => {
    const third = (1 - cosine) / 3;
    if (i === j) return cosine + third;
    return third + ((j - i + 3) % 3 === 1 ? -sine : sine);
  };
  const gain = brightness * contrast;
  const [redToRed, greenToRed, blueToRed, redToGreen, greenToGreen, blueToGreen, ...toBlue] = [
    0,
    1,
    2,
  ]
    .flatMap((i) =>
      [0, 1, 2].map((j) => {
        const turned = [0, 1, 2].reduce(
          (sum, k) => sum + turn(i, k) * ((k === j ? 1 : 0) - LUMA[j]),
          0,
        );
        return gain * (LUMA[j] + saturation * turned);
      })
    );
  const [redToBlue, greenToBlue, blueToBlue] = toBlue;
  let mean = 0;
  for (let i = 0; i < pixels.length; i += 3) {
    mean += LUMA[0] * pixels[i] + LUMA[1] * pixels[i + 1] + LUMA[2] * pixels[i + 2];
  }
  const offset = (1 - contrast) * brightness * mean / (pixels.length / 3);
  const clamp = (value: number) => Math.min(1, Math.max(0, value + offset));
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
    pixels[i] = clamp(redToRed * r + greenToRed * g + blueToRed * b);
    pixels[i + 1] = clamp(redToGreen * r + greenToGreen * g + blueToGreen * b);
    pixels[i + 2] = clamp(redToBlue * r + greenToBlue * g + blueToBlue * b);
  }
}
