/**
 * Where regions are taken from and where they are pasted.
 *
 * @module
 */

import { checkArray, checkSize } from "../checks.ts";
import { DataError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { DepthMap, RegionMap } from "../records.ts";
import type { MixConfig } from "./config.ts";

/** One image that takes part in the mixing. Disparities of all sources of a batch share one unit. */
export interface MixSource {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W,3]`, 0..255. */
  readonly rgb: Uint8Array;
  /** `[H,W]` disparities, which decide what is in front. */
  readonly depth: DepthMap;
  /** What the loss compares, and what is pasted where there are no `shapes`. */
  readonly regions: RegionMap;
  /** What is pasted where that differs. */
  readonly shapes?: RegionMap;
  /** Row of the horizon in pixels, may lie outside. */
  readonly horizon: number;
}

/**
 * Refuses a source whose arrays are not what its size says.
 *
 * @param name what messages call it.
 * @throws {DataError} naming the array.
 */
export function checkSource(source: MixSource, name: string): void {
  const { height, width, rgb, depth, regions, shapes, horizon } = source;
  const task = `mix ${name}`, size = `${height} x ${width}`, pixels = height * width;
  checkSize(task, "the image", [height, width], 1);
  checkArray(task, `rgb of ${size}`, rgb, Uint8Array, 3 * pixels);
  for (const [what, map] of Object.entries({ depth, regions, ...(shapes ? { shapes } : {}) })) {
    if (map.height === height && map.width === width) continue;
    throw new DataError(
      `Cannot ${task}: expected ${what} of ${size} as the image, got ${map.height} x ${map.width}; ` +
        "read or predict all of them at one size",
    );
  }
  checkArray(task, `depth.disparity of ${size}`, depth.disparity, Float32Array, pixels);
  checkArray(task, `regions.ids of ${size}`, regions.ids, Int32Array, pixels);
  if (shapes) checkArray(task, `shapes.ids of ${size}`, shapes.ids, Int32Array, pixels);
  if (Number.isFinite(horizon)) return;
  throw new DataError(`Cannot ${task}: expected a row of pixels as horizon, got ${horizon}`);
}

/** A piece of a source: a region, or a box that holds parts of several (`region` -1). */
export interface Piece {
  /** Whose it is, 0..M-1. */
  readonly source: number;
  /** Which one of it; -1: all that lies in the box. */
  readonly region: number;
  /** Its first row. */
  readonly top: number;
  /** Its first column. */
  readonly left: number;
  /** The row after its last. */
  readonly bottom: number;
  /** The column after its last. */
  readonly right: number;
}

/** A piece with the place, size and look that it gets in a mixed image. */
export interface Paste {
  /** What is pasted. */
  readonly piece: Piece;
  /** By which disparities are multiplied where pastes move along the ground. */
  readonly scale: number;
  /** Whether it is mirrored. */
  readonly flip: boolean;
  /** First row in the mixed image; parts may lie outside. */
  readonly top: number;
  /** First column in the mixed image. */
  readonly left: number;
  /** Rows in the mixed image. */
  readonly height: number;
  /** Columns in the mixed image. */
  readonly width: number;
}

/** The pieces of a source that may be pasted; boxes have the regions' sizes at random places. */
export function piecesOf(
  source: MixSource,
  index: number,
  config: MixConfig,
  random: Random,
): Piece[] {
  const pieces = source.regions.regions
    .map(({ top, left, bottom, right }, region) => ({
      source: index,
      region,
      top,
      left,
      bottom,
      right,
    }))
    .filter((piece) => isPasteable(piece, source, config));
  if (config.paste !== "boxes") return pieces;
  return pieces.map((piece) => {
    const height = piece.bottom - piece.top, width = piece.right - piece.left;
    const top = random.integer(source.height - height + 1),
      left = random.integer(source.width - width + 1);
    return { source: index, region: -1, top, left, bottom: top + height, right: left + width };
  });
}

function isPasteable(piece: Piece, source: MixSource, config: MixConfig): boolean {
  const height = piece.bottom - piece.top, width = piece.right - piece.left;
  const unit = source.height;
  if (height < config.minHeight * unit || width < config.minWidth * unit) return false;
  if (height < config.minSide * unit && width < config.minSide * unit) return false;
  return height < config.wholeImage * source.height || width < config.wholeImage * source.width;
}

/**
 * Draws a place: 1/s uniform between the bounds. With ground distance the piece keeps its contact with
 * the ground: row' = (row - horizon) * s + the target's horizon, so what lies above the horizon stays above.
 */
export function drawPaste(
  piece: Piece,
  from: MixSource,
  onto: MixSource,
  config: MixConfig,
  random: Random,
): Paste {
  const pieceHeight = piece.bottom - piece.top, pieceWidth = piece.right - piece.left;
  const { height, width } = onto;
  const smallest = Math.max(config.minScale, 2 / pieceHeight, 2 / pieceWidth);
  const largest = Math.min(config.maxScale, 2 * height / pieceHeight, 2 * width / pieceWidth);
  const scale = smallest >= largest ? 1 : 1 / random.uniform(1 / largest, 1 / smallest);
  const pastedHeight = Math.max(1, Math.round(pieceHeight * scale));
  const pastedWidth = Math.max(1, Math.round(pieceWidth * scale));
  const shake = config.shake * height;
  const top = config.groundDistance
    ? Math.round((piece.top - from.horizon) * scale + onto.horizon + random.uniform(-shake, shake))
    : Math.round(random.uniform(-pastedHeight / 2, height - pastedHeight / 2));
  return {
    piece,
    scale,
    flip: random.chance(config.flipChance),
    top,
    left: random.integer(width + pastedWidth - 1) - pastedWidth + 1,
    height: pastedHeight,
    width: pastedWidth,
  };
}

/** 3x3 row-major: source pixel to pixel of the mixed image. */
export function pasteTransform({ piece, top, left, height, width, flip }: Paste): Float64Array {
  const sx = width / (piece.right - piece.left), sy = height / (piece.bottom - piece.top);
  const ty = top - 0.5 - sy * (piece.top - 0.5);
  const tx = left - 0.5 - sx * (piece.left - 0.5);
  const transform = new Float64Array(9);
  transform[0] = flip ? -sx : sx;
  transform[2] = flip ? left - 0.5 + width + sx * (piece.left - 0.5) : tx;
  transform[4] = sy;
  transform[5] = ty;
  transform[8] = 1;
  return transform;
}
