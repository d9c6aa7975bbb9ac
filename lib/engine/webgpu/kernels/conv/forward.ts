/**
 * 2-D convolution `[B,H,W,C]` with filters `[h,w,C,O]`, plain and with bias and activation.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { channelsLast, convGeometry, GEOMETRY } from "./geometry.ts";
import { runRegisters, sharedConvolution, tapIterations } from "./registers.ts";
import { finish } from "../matmul/finish.ts";
import {
  addProducts,
  declareSums,
  each,
  matrixMain,
  storeRow,
  type TileVariant,
  vectors,
} from "../matmul/matrix_tile.ts";

/** `Conv2D` and `FusedConv2D`. */
export function convForwardKernels(): GpuKernel[] {
  return [
    { name: "Conv2D", run: (call) => channelsLast(call, convolve) },
    { name: "FusedConv2D", run: fused },
  ];
}

function fused(call: KernelCall): tf.TensorInfo {
  return finish(call, channelsLast(call, convolve));
}

/** A product of matrices: output pixels by channels, whose K is filter taps times input channels. */
function convolve({ inputs: { x, filter }, attrs, backend }: KernelCall): tf.TensorInfo {
  const info = convGeometry(attrs, x.shape, filter.shape);
  const shared = sharedConvolution(backend, "forward", info, [x, filter]);
  if (shared) return shared;
  const output = backend.output(info.outShape);
  runRegisters(backend, info, {
    shader,
    operands: [x, filter],
    output,
    rows: info.batchSize * info.outHeight * info.outWidth,
    columns: info.outChannels,
    layers: 1,
    run: info.inChannels,
    iterations: tapIterations(info, info.inChannels),
  });
  return output;
}

const shader: Shader<TileVariant> = {
  name: "convolution",
  source: (v) => {
    const depth = v.vectorA ? 4 : 1;
    return {
      reads: { x: v.vectorA ? "vec4<f32>" : "f32", filters: v.vectorB ? "vec4<f32>" : "f32" },
      writes: { c: v.vectorB ? "vec4<f32>" : "f32" },
      uniforms: { rows: "u32", columns: "u32", ...GEOMETRY },
      code: matrixMain(
        v,
        `
  ${each(v.rows, pixel)}
  ${declareSums(v)}
  for (var fy = 0; fy < u.filter_height; fy++) {
    for (var fx = 0; fx < u.filter_width; fx++) {
      ${each(v.rows, tap)}
      let taps = u32((fy * u.filter_width + fx) * u.in_channels);
      for (var k = 0u; k < u32(u.in_channels); k += ${depth}u) {
        ${each(v.rows, (i) => loadPixel(v, i))}
        ${
          each(depth, (q) =>
            `{
          let at = (taps + k + ${q}u) * u.columns;
          ${each(vectors(v), (w) => `let y${w} = ${loadColumns(v, "filters", "at", w)};`)}
          ${addProducts(v, (i) => v.vectorA ? `a${i}[${q}]` : `a${i}`, (w) => `y${w}`)}
        }`)
        }
      }
    }
  }
  ${each(v.rows, (i) => storeRow(v, i, "0u"))}`,
      ),
    };
  },
};

/** Where the window of each row's output pixel begins in the input. */
function pixel(i: number): string {
  return `let p${i} = i32(min(row + ${i}u, u.rows - 1));
  let top${i} = (p${i} / u.out_width) % u.out_height * u.stride_y - u.top;
  let left${i} = p${i} % u.out_width * u.stride_x - u.left;
  let image${i} = p${i} / (u.out_width * u.out_height) * u.in_height;`;
}

/** The input pixel under the filter's tap, and whether there is one. */
function tap(i: number): string {
  return `let ty${i} = top${i} + fy * u.dilation_y;
      let tx${i} = left${i} + fx * u.dilation_x;
      let in${i} = ty${i} >= 0 && ty${i} < u.in_height && tx${i} >= 0 && tx${i} < u.in_width;
      let base${i} = select(0u, u32(((image${i} + ty${i}) * u.in_width + tx${i}) * u.in_channels), in${i});`;
}

function loadPixel(v: TileVariant, i: number): string {
  return v.vectorA
    ? `let a${i} = select(vec4<f32>(), x[(base${i} + k) / 4], in${i});`
    : `let a${i} = select(0, x[base${i} + k], in${i});`;
}

/** Vector w of the tile's columns in a row of a matrix that begins at `at`. */
export function loadColumns(v: TileVariant, matrix: string, at: string, w: number): string {
  if (v.columns === 1) return `${matrix}[${at} + column]`;
  if (v.vectorB) return `${matrix}[(${at} + min(column + ${4 * w}u, u.columns - 4)) / 4]`;
  const four = [0, 1, 2, 3].map((j) =>
    `${matrix}[${at} + min(column + ${4 * w + j}u, u.columns - 1)]`
  );
  return `vec4<f32>(${four})`;
}
