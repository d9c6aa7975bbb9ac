/**
 * One mixed image in the making: pastes go onto it in order, nearer pixels win.
 *
 * @module
 */

import { changeColours, type ColourStep } from "./colour.ts";
import type { PasteRules } from "./config.ts";
import type { MixSource, Paste } from "./paste.ts";

/** Weights of the softened mask, 3 taps of a Gaussian of deviation 1. */
const SIDE = 0.27406862, CENTRE = 0.45186276;

/** Rows [y0, y1) and columns [x0, x1) of a canvas. */
export interface Box {
  readonly y0: number;
  readonly y1: number;
  readonly x0: number;
  readonly x1: number;
}

/** See the module's comment. All arrays are `[H,W]`, colours `[H,W,3]` in 0..1. */
export class Canvas {
  readonly height: number;
  readonly width: number;
  readonly colours: Float32Array;
  readonly disparity: Float32Array;
  readonly copyIds: Int32Array;
  readonly regionIds: Int32Array;
  readonly #reach: Box;

  /** Starts with a whole source as background. Pieces win pixels within `reach` alone, see `reachOf()` in view.ts. */
  constructor(background: MixSource, copyId: number, regionOffset: number, reach: Box) {
    this.#reach = reach;
    this.height = background.height;
    this.width = background.width;
    // A loop, since `from` with a function is many times slower.
    this.colours = new Float32Array(background.rgb.length);
    for (let i = 0; i < this.colours.length; i++) this.colours[i] = background.rgb[i] / 255;
    this.disparity = background.depth.disparity.slice();
    this.copyIds = new Int32Array(this.height * this.width).fill(copyId);
    this.regionIds = background.regions.ids.map((id) => id + regionOffset);
  }

  /** Pastes one piece; answers whether it wins any pixel within reach. */
  paste(
    paste: Paste,
    source: MixSource,
    copyId: number,
    regionOffset: number,
    steps: readonly ColourStep[],
    config: PasteRules,
  ): boolean {
    const { y0, y1, x0, x1 } = windowOf(paste, this);
    if (y0 >= y1 || x0 >= x1) return false;
    const rows = y1 - y0, columns = x1 - x0;
    const mask = new Float32Array(rows * columns);
    const bottom = Math.min(this.#reach.y1, paste.top + paste.height);
    const right = Math.min(this.#reach.x1, paste.left + paste.width);
    let shows = false;
    for (let y = Math.max(this.#reach.y0, paste.top); y < bottom; y++) {
      const sy = sourceRow(paste, y);
      for (let x = Math.max(this.#reach.x0, paste.left); x < right; x++) {
        const sx = sourceColumn(paste, x);
        if (!this.#wins(paste, source, sx, sy, y * this.width + x, config)) continue;
        mask[(y - y0) * columns + x - x0] = 1;
        shows = true;
      }
    }
    if (!shows) return false;
    const colours = new Float32Array(rows * columns * 3);
    sampleWindow(paste, source, x0, y0, rows, columns, colours);
    changeColours(colours, steps);
    this.#blend(mask, colours, y0, x0, rows, columns);
    for (let y = y0, i = 0; y < y1; y++) {
      for (let x = x0; x < x1; x++, i++) {
        if (mask[i] === 0) continue;
        const at = y * this.width + x,
          from = sourcePixel(paste, source, x, y);
        this.copyIds[at] = copyId;
        this.regionIds[at] = source.regions.ids[from] + regionOffset;
        this.disparity[at] = source.depth.disparity[from] *
          (config.groundDistance ? paste.scale : 1);
      }
    }
    return true;
  }

  #wins(
    paste: Paste,
    source: MixSource,
    sx: number,
    sy: number,
    at: number,
    config: PasteRules,
  ) {
    const from = nearest(source, sx, sy);
    const { region } = paste.piece;
    if (region >= 0 && source.regions.ids[from] !== region) return false;
    const disparity = source.depth.disparity[from] * (config.groundDistance ? paste.scale : 1);
    return !config.depthTest || disparity > this.disparity[at];
  }

  /** Mixes the colours in by the softened mask. */
  #blend(
    mask: Float32Array,
    colours: Float32Array,
    y0: number,
    x0: number,
    rows: number,
    columns: number,
  ): void {
    const at = (y: number, x: number) =>
      y < 0 || x < 0 || y >= rows || x >= columns ? 0 : mask[y * columns + x];
    const row = (y: number, x: number) =>
      SIDE * at(y, x - 1) + CENTRE * at(y, x) + SIDE * at(y, x + 1);
    for (let y = 0, i = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, i++) {
        const soft = SIDE * row(y - 1, x) + CENTRE * row(y, x) + SIDE * row(y + 1, x);
        if (soft === 0) continue;
        const target = 3 * ((y0 + y) * this.width + x0 + x);
        for (let c = 0; c < 3; c++) {
          this.colours[target + c] += soft * (colours[3 * i + c] - this.colours[target + c]);
        }
      }
    }
  }
}

/** The visible window, one pixel wider than the piece, since its softened edge reaches over. */
export function windowOf(
  paste: Paste,
  { height, width }: { readonly height: number; readonly width: number },
): Box {
  return {
    y0: Math.max(0, paste.top - 1),
    y1: Math.min(height, paste.top + paste.height + 1),
    x0: Math.max(0, paste.left - 1),
    x1: Math.min(width, paste.left + paste.width + 1),
  };
}

function sourceRow(paste: Paste, y: number): number {
  const { piece } = paste;
  return piece.top - 0.5 + (y - paste.top + 0.5) * (piece.bottom - piece.top) / paste.height;
}

function sourceColumn(paste: Paste, x: number): number {
  const { piece } = paste;
  const share = (x - paste.left + 0.5) / paste.width;
  return piece.left - 0.5 + (paste.flip ? 1 - share : share) * (piece.right - piece.left);
}

/** Index of the source pixel that a paste shows at a pixel of the canvas. */
export function sourcePixel(paste: Paste, source: MixSource, x: number, y: number): number {
  return nearest(source, sourceColumn(paste, x), sourceRow(paste, y));
}

function nearest({ height, width }: MixSource, x: number, y: number): number {
  const column = Math.min(width - 1, Math.max(0, Math.round(x))),
    row = Math.min(height - 1, Math.max(0, Math.round(y)));
  return row * width + column;
}

/** The source's colours over a window of the canvas, `[rows,columns,3]`. */
function sampleWindow(
  paste: Paste,
  source: MixSource,
  x0: number,
  y0: number,
  rows: number,
  columns: number,
  out: Float32Array,
): void {
  for (let y = 0, i = 0; y < rows; y++) {
    const sy = sourceRow(paste, y0 + y);
    for (let x = 0; x < columns; x++, i += 3) {
      sample(source, sourceColumn(paste, x0 + x), sy, paste.scale, out, i);
    }
  }
}

/** Bilinear where the piece grows; the mean of a grid of bilinear samples over the footprint where it shrinks. */
function sample(
  source: MixSource,
  x: number,
  y: number,
  scale: number,
  out: Float32Array,
  at: number,
): void {
  const taps = scale >= 1 ? 1 : Math.ceil(1 / scale);
  const weight = 1 / (255 * taps * taps);
  for (let j = 0; j < taps; j++) {
    const sy = y + ((j + 0.5) / taps - 0.5) / scale * Number(taps > 1);
    for (let i = 0; i < taps; i++) {
      const sx = x + ((i + 0.5) / taps - 0.5) / scale * Number(taps > 1);
      bilinear(source, sx, sy, weight, out, at);
    }
  }
}

function bilinear(
  { rgb, height, width }: MixSource,
  x: number,
  y: number,
  weight: number,
  out: Float32Array,
  at: number,
) {
  const cx = Math.min(width - 1, Math.max(0, x)), cy = Math.min(height - 1, Math.max(0, y));
  const x0 = Math.floor(cx), y0 = Math.floor(cy);
  const x1 = Math.min(width - 1, x0 + 1), y1 = Math.min(height - 1, y0 + 1);
  const fx = cx - x0, fy = cy - y0;
  const a = 3 * (y0 * width + x0), b = 3 * (y0 * width + x1);
  const c = 3 * (y1 * width + x0), d = 3 * (y1 * width + x1);
  for (let k = 0; k < 3; k++) {
    const top = rgb[a + k] * (1 - fx) + rgb[b + k] * fx;
    const bottom = rgb[c + k] * (1 - fx) + rgb[d + k] * fx;
    out[at + k] += weight * (top * (1 - fy) + bottom * fy);
  }
}
