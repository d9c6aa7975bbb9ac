/**
 * The gradient of a 2-D convolution in its filters.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { loadColumns } from "./forward.ts";
import { channelsLast, type Conv2DInfo, convGeometry, GEOMETRY } from "./geometry.ts";
import { runRegisters, sharedConvolution } from "./registers.ts";
import {
  addProducts,
  declareSums,
  each,
  matrixMain,
  storeRow,
  tileFor,
  type TileVariant,
  vectors,
} from "../matmul/matrix_tile.ts";
import { addParts } from "../reduce.ts";

/** `Conv2DBackpropFilter`. */
export function convFilterGradientKernels(): GpuKernel[] {
  return [{
    name: "Conv2DBackpropFilter",
    run: (call) => channelsLast(call, filterGradient),
  }];
}

/**
 * For each tap of the filter a product of matrices: input channels by output channels, whose K is all
 * output pixels. K is cut into parts, which are added up afterwards.
 */
function filterGradient({ inputs: { x, dy }, attrs, backend }: KernelCall): tf.TensorInfo {
  const info = convGeometry(attrs, x.shape, attrs.filterShape as number[]);
  const shared = sharedConvolution(backend, "filterGradient", info, [x, dy]);
  if (shared) return shared;
  const rows = info.inChannels, columns = info.outChannels;
  const taps = info.filterHeight * info.filterWidth;
  const tile = tileFor(rows, columns);
  const lines = info.batchSize * info.outHeight, pixels = lines * info.outWidth;
  const invocations = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) * taps;
  // Whole lines of output pixels to keep the device busy, and pieces of lines where a loop would be too long.
  const busy = Math.min(lines, Math.ceil(backend.tiles.busy / invocations));
  const parts = Math.max(1, busy, Math.ceil(pixels / longestPart(backend.mostIterations, info)));
  const part = Math.ceil(pixels / parts);
  const output = backend.output([parts, ...info.filterShape]);
  runRegisters(backend, info, {
    shader,
    operands: [x, dy],
    output,
    rows,
    columns,
    layers: taps * parts,
    run: rows,
    iterations: partIterations(part, info),
    uniforms: { part },
  });
  return addParts(backend, output);
}

/** Loop iterations over so many output pixels, of which the first may lie anywhere in a line. */
function partIterations(part: number, { outWidth }: Conv2DInfo): number {
  return part + 1 + Math.ceil(part / Math.max(1, outWidth));
}

/** The most pixels that {@linkcode partIterations} and the loop around them may have. */
function longestPart(mostIterations: number, { outWidth }: Conv2DInfo): number {
  return Math.max(1, Math.floor((mostIterations - 3) * outWidth / (outWidth + 1)));
}

const shader: Shader<TileVariant> = {
  name: "convolution's filter gradient",
  source: (v) => ({
    reads: { x: v.vectorA ? "vec4<f32>" : "f32", dy: v.vectorB ? "vec4<f32>" : "f32" },
    writes: { c: v.vectorB ? "vec4<f32>" : "f32" },
    uniforms: { rows: "u32", columns: "u32", part: "i32", ...GEOMETRY },
    code: matrixMain(
      v,
      `
  let taps = u.filter_height * u.filter_width;
  let tap = i32(layer) % taps;
  let begin = i32(layer) / taps * u.part;
  let end = min(u.batch * u.out_height * u.out_width, begin + u.part);
  let dy0 = tap / u.filter_width * u.dilation_y - u.top;
  let dx0 = tap % u.filter_width * u.dilation_x - u.left;
  // Output pixels whose tap falls inside the image's width.
  let first = max(0, (u.stride_x - 1 - dx0) / u.stride_x);
  let last = min(u.out_width - 1, (u.in_width - 1 - dx0) / u.stride_x);
  ${declareSums(v)}
  for (var line = begin / u.out_width; line * u.out_width < end; line++) {
    let y = line % u.out_height * u.stride_y + dy0;
    if (y < 0 || y >= u.in_height || dx0 >= u.in_width) { continue; }
    let start = (line / u.out_height * u.in_height + y) * u.in_width + dx0;
    let left = max(first, begin - line * u.out_width);
    let right = min(last, end - 1 - line * u.out_width);
    for (var p = left; p <= right; p++) {
      let at = u32((start + p * u.stride_x) * u.in_channels);
      let to = u32((line * u.out_width + p) * u.out_channels);
      ${loadRows(v)}
      ${each(vectors(v), (w) => `let y${w} = ${loadColumns(v, "dy", "to", w)};`)}
      ${addProducts(v, (i) => v.vectorA ? `a${i >> 2}[${i & 3}]` : `a${i}`, (w) => `y${w}`)}
    }
  }
  ${each(v.rows, (i) => storeRow(v, i, "layer * u.rows * u.columns"))}`,
    ),
  }),
};

function loadRows(v: TileVariant): string {
  return v.vectorA
    ? each(v.rows / 4, (i) => `let a${i} = x[(at + min(row + ${4 * i}u, u.rows - 4)) / 4];`)
    : each(v.rows, (i) => `let a${i} = x[at + min(row + ${i}u, u.rows - 1)];`);
}
