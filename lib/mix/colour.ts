/**
 * Colour augmentation of `[n,3]` pixels in 0..1, as torchvision defines it: steps are drawn first and
 * applied later, here or by the native library.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { ColourConfig } from "./config.ts";

/** One change of colours. */
export interface ColourStep {
  /** As torchvision's adjustments of brightness, contrast, saturation and hue. */
  readonly kind: "brighten" | "contrast" | "saturate" | "hue";
  /** A factor; of a hue, the share of a full circle that it turns. */
  readonly amount: number;
}

/** At most so many steps are drawn. */
export const MOST_COLOUR_STEPS = 5;

/** Jitter in random order, then perhaps grey. Blur belongs to {@linkcode blur}. */
export function drawColours(config: ColourConfig, random: Random): ColourStep[] {
  const steps: ColourStep[] = [];
  if (random.chance(config.jitterChance)) {
    for (const kind of random.shuffle(["brighten", "contrast", "saturate", "hue"] as const)) {
      steps.push({ kind, amount: drawAmount(kind, config, random) });
    }
  }
  if (random.chance(config.greyChance)) steps.push({ kind: "saturate", amount: 0 });
  return steps;
}

function drawAmount(kind: ColourStep["kind"], config: ColourConfig, random: Random): number {
  switch (kind) {
    case "brighten":
      return strength(config.brightness, random);
    case "contrast":
      return strength(config.contrast, random);
    case "saturate":
      return strength(config.saturation, random);
    case "hue":
      return random.uniform(-config.hue, config.hue);
  }
}

const CHANGES = { brighten, contrast, saturate, hue: shiftHue };

/** Applies the steps in order, in place. */
export function changeColours(pixels: Float32Array, steps: readonly ColourStep[]): void {
  for (const { kind, amount } of steps) CHANGES[kind](pixels, amount);
}

function strength(range: number, random: Random): number {
  return random.uniform(Math.max(0, 1 - range), 1 + range);
}

/** Multiplies, clamped to 0..1. */
export function brighten(pixels: Float32Array, factor: number): void {
  for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(pixels[i] * factor);
}

/** Moves every value from the mean grey of all pixels by the factor. */
export function contrast(pixels: Float32Array, factor: number): void {
  let mean = 0;
  for (let i = 0; i < pixels.length; i += 3) mean += luma(pixels, i);
  mean /= pixels.length / 3;
  for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(mean + (pixels[i] - mean) * factor);
}

/** Moves every pixel from its own grey by the factor; 0 is grey. */
export function saturate(pixels: Float32Array, factor: number): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const grey = luma(pixels, i);
    for (let c = 0; c < 3; c++) pixels[i + c] = clamp(grey + (pixels[i + c] - grey) * factor);
  }
}

/** Turns the hue by a share of the circle, in HSV. */
export function shiftHue(pixels: Float32Array, turn: number): void {
  if (turn === 0) return;
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
    const value = Math.max(r, g, b), chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    let hue = value === r
      ? (g - b) / chroma
      : value === g
      ? 2 + (b - r) / chroma
      : 4 + (r - g) / chroma;
    hue = (hue / 6 + turn) * 6;
    for (let c = 0; c < 3; c++) {
      // Channel c is value - chroma * max(0, min(k, 4 - k, 1)) with k = (5, 3, 1)[c] + hue, modulo 6.
      const k = (((5 - 2 * c + hue) % 6) + 6) % 6;
      pixels[i + c] = value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
    }
  }
}

/** ITU-R 601 grey. */
function luma(pixels: Float32Array, i: number): number {
  return 0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2];
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** Separable Gaussian of 5 taps on an image `[H,W,3]`, borders repeated; in place. */
export function blur(pixels: Float32Array, height: number, width: number, sigma: number): void {
  const taps = [-2, -1, 0, 1, 2].map((k) => Math.exp(-k * k / (2 * sigma * sigma)));
  const sum = taps.reduce((total, tap) => total + tap, 0);
  const scratch = new Float32Array(pixels.length);
  const pass = (
    from: Float32Array,
    to: Float32Array,
    along: number,
    size: number,
    stride: number,
  ) => {
    for (let i = 0; i < height * width; i++) {
      const place = Math.floor(i / stride) % size;
      for (let c = 0; c < 3; c++) {
        let value = 0;
        for (let k = -2; k <= 2; k++) {
          const shift = Math.min(size - 1, Math.max(0, place + k)) - place;
          value += taps[k + 2] * from[3 * (i + shift * along) + c];
        }
        to[3 * i + c] = value / sum;
      }
    }
  };
  pass(pixels, scratch, 1, width, 1);
  pass(scratch, pixels, width, height, width);
}
