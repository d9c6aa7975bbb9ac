/**
 * The transforms of Winograd's F(2 x 2, 3 x 3) between images or filters and points (winograd.ts). Vectors hold four
 * channels; an invocation makes all points, or all pixels, of a tile's vector.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { flatGroups, flatMain, type Shader, type Variant } from "../../program.ts";
import { each } from "../matmul/matrix_tile.ts";

/** Points of a tile: 4 x 4. */
export const POINTS = 16;

/** Tiles of 2 x 2 outputs in an image. */
export function tilesOf(height: number, width: number): number {
  return Math.ceil(height / 2) * Math.ceil(width / 2);
}

/** The outputs that tiles are cut from: those of some images, and their size. */
export interface Grid {
  readonly first: number;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Some images `[B,H,W,C]` to points `[16, tiles, C]`. */
export function imagesToPoints(
  backend: WebGpuBackend,
  images: tf.TensorInfo,
  what: "pixels" | "gradients",
  grid: Grid,
  { top, left }: { readonly top: number; readonly left: number },
): tf.TensorInfo {
  const [, height, width, channels] = images.shape;
  const points = backend.output([
    POINTS,
    grid.count * tilesOf(grid.height, grid.width),
    channels,
  ]);
  const uniforms = { ...gridValues(grid, channels), height, width, top, left };
  transform(backend, toPoints, { what }, images, points, uniforms);
  return points;
}

/** Points `[16, tiles, O]` to some of the images `[B,H,W,O]`. */
export function imagesFromPoints(
  backend: WebGpuBackend,
  points: tf.TensorInfo,
  images: tf.TensorInfo,
  grid: Grid,
): void {
  const [, height, width, channels] = images.shape;
  const uniforms = { ...gridValues(grid, channels), height, width };
  transform(backend, fromPoints, {}, points, images, uniforms);
}

/** A filter `[3,3,C,O]` to points `[16,C,O]`. @param turned Last tap first. */
export function filterToPoints(
  backend: WebGpuBackend,
  filter: tf.TensorInfo,
  turned: boolean,
): tf.TensorInfo {
  const [, , channels, outputs] = filter.shape;
  const points = backend.output([POINTS, channels, outputs]);
  const count = channels * outputs / 4;
  transform(backend, filterPoints, { turned }, filter, points, { count });
  return points;
}

/** Points `[16,C,O]` to the gradient in a filter `[3,3,C,O]`. @param add To what is there. */
export function filterFromPoints(
  backend: WebGpuBackend,
  points: tf.TensorInfo,
  filter: tf.TensorInfo,
  add: boolean,
): void {
  const [, channels, outputs] = points.shape;
  const count = channels * outputs / 4;
  transform(backend, filterOfPoints, { add }, points, filter, { count });
}

/** Runs a transform, one invocation for each of `count` vectors. */
function transform<V extends Variant>(
  backend: WebGpuBackend,
  shader: Shader<V & { workgroup: number }>,
  variant: V,
  from: tf.TensorInfo,
  to: tf.TensorInfo,
  uniforms: Readonly<Record<string, number>> & { readonly count: number },
): void {
  const workgroup = backend.tiles.flat;
  backend.run({
    shader,
    variant: { ...variant, workgroup },
    reads: [from],
    writes: [to],
    uniforms,
    groups: flatGroups(uniforms.count, workgroup),
  });
}

function gridValues(grid: Grid, channels: number) {
  return {
    // Vectors of four channels in all tiles.
    count: grid.count * tilesOf(grid.height, grid.width) * channels / 4,
    channels: channels / 4,
    down: Math.ceil(grid.height / 2),
    across: Math.ceil(grid.width / 2),
    first: grid.first,
  };
}

type Matrix = readonly (readonly number[])[];

/** G, of three taps. */
const TAPS: Matrix = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]];
/** B^T, of four pixels. */
const PIXELS: Matrix = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]];
/** A^T, to two outputs. */
const OUTPUTS: Matrix = [[1, 1, 1, 0], [0, 1, -1, -1]];

function transposed(matrix: Matrix): Matrix {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

/** M v M^T, of the square `v<row>_<column>`, as lines that declare `w<row>_<column>`. */
function bothWays(matrix: Matrix): string {
  const from = matrix[0].length, to = matrix.length;
  const sum = (weights: readonly number[], value: (k: number) => string) =>
    weights.flatMap((weight, k) => weight === 0 ? [] : [`${weight} * ${value(k)}`]).join(" + ");
  return each(
    to,
    (i) => each(from, (j) => `let r${i}_${j} = ${sum(matrix[i], (k) => `v${k}_${j}`)};`),
  ) +
    "\n" +
    each(to, (i) => each(to, (j) => `let w${i}_${j} = ${sum(matrix[j], (k) => `r${i}_${k}`)};`));
}

/** Text for each element of a square. */
function square(size: number, text: (row: number, column: number) => string): string {
  return each(size, (row) => each(size, (column) => text(row, column)));
}

/** Where vector `i` of a point is. */
const pointAt = (row: number, column: number) => `${4 * row + column}u * u.count + i`;

/** Of a vector of channels `i`: which, and where its tile of outputs begins in which image. */
const PLACE = `
  let channel = i % u.channels;
  let tile = i / u.channels;
  let y = i32(tile / u.across % u.down) * 2;
  let x = i32(tile % u.across) * 2;
  let image = u.first + tile / (u.across * u.down);`;

const GRID = { count: "u32", channels: "u32", down: "u32", across: "u32", first: "u32" } as const;

/** Where a pixel's vector of channels is in the images. */
const pixelAt = (y: string, x: string) =>
  `((image * u32(u.height) + u32(${y})) * u32(u.width) + u32(${x})) * u.channels + channel`;

const toPoints: Shader<{ what: "pixels" | "gradients"; workgroup: number }> = {
  name: "images to Winograd's points",
  source: ({ what, workgroup }) => {
    const matrix = what === "pixels" ? PIXELS : transposed(OUTPUTS);
    return {
      reads: { images: "vec4<f32>" },
      writes: { points: "vec4<f32>" },
      uniforms: { ...GRID, height: "i32", width: "i32", top: "i32", left: "i32" },
      code: flatMain(
        workgroup,
        `${PLACE}
  ${
          square(matrix[0].length, (row, column) => `
  var v${row}_${column} = vec4<f32>();
  {
    let py = y - u.top + ${row};
    let px = x - u.left + ${column};
    if (py >= 0 && py < u.height && px >= 0 && px < u.width) {
      v${row}_${column} = images[${pixelAt("py", "px")}];
    }
  }`)
        }
  ${bothWays(matrix)}
  ${square(4, (row, column) => `points[${pointAt(row, column)}] = w${row}_${column};`)}`,
      ),
    };
  },
};

const fromPoints: Shader<{ workgroup: number }> = {
  name: "images from Winograd's points",
  source: ({ workgroup }) => ({
    reads: { points: "vec4<f32>" },
    writes: { images: "vec4<f32>" },
    uniforms: { ...GRID, height: "i32", width: "i32" },
    code: flatMain(
      workgroup,
      `${PLACE}
  ${square(4, (row, column) => `let v${row}_${column} = points[${pointAt(row, column)}];`)}
  ${bothWays(OUTPUTS)}
  ${
        square(2, (row, column) => `
  if (y + ${row} < u.height && x + ${column} < u.width) {
    images[${pixelAt(`y + ${row}`, `x + ${column}`)}] = w${row}_${column};
  }`)
      }`,
    ),
  }),
};

const filterPoints: Shader<{ turned: boolean; workgroup: number }> = {
  name: "filter to Winograd's points",
  source: ({ turned, workgroup }) => ({
    reads: { filters: "vec4<f32>" },
    writes: { points: "vec4<f32>" },
    uniforms: { count: "u32" },
    code: flatMain(
      workgroup,
      `${
        square(3, (row, column) => {
          const tap = 3 * row + column;
          return `let v${row}_${column} = filters[${turned ? 8 - tap : tap}u * u.count + i];`;
        })
      }
  ${bothWays(TAPS)}
  ${square(4, (row, column) => `points[${pointAt(row, column)}] = w${row}_${column};`)}`,
    ),
  }),
};

const filterOfPoints: Shader<{ add: boolean; workgroup: number }> = {
  name: "filter from Winograd's points",
  source: ({ add, workgroup }) => ({
    reads: { points: "vec4<f32>" },
    writes: { filters: "vec4<f32>" },
    uniforms: { count: "u32" },
    code: flatMain(
      workgroup,
      `${square(4, (row, column) => `let v${row}_${column} = points[${pointAt(row, column)}];`)}
  ${bothWays(transposed(TAPS))}
  ${
        square(3, (row, column) =>
          `filters[${3 * row + column}u * u.count + i] ${add ? "+=" : "="} w${row}_${column};`)
      }`,
    ),
  }),
};
