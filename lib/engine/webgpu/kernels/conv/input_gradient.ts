/**
 * The gradient of a 2-D convolution in its input, which is also the transposed convolution.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { channelsLast, convGeometry, GEOMETRY } from "./geometry.ts";
import { runRegisters, sharedConvolution, tapIterations } from "./registers.ts";
import {
  addProducts,
  declareSums,
  each,
  matrixMain,
  storeRow,
  type TileVariant,
  vectors,
} from "../matmul/matrix_tile.ts";

/** `Conv2DBackpropInput`. */
export function convInputGradientKernels(): GpuKernel[] {
  return [{
    name: "Conv2DBackpropInput",
    run: (call) => channelsLast(call, inputGradient),
  }];
}

/**
 * A product of matrices: input pixels by channels, whose K is filter taps times output channels. dy
 * may be larger than the convolution's output, as conv2dTranspose allows; the rest of it is left out.
 */
function inputGradient({ inputs: { dy, filter }, attrs, backend }: KernelCall): tf.TensorInfo {
  const info = convGeometry(attrs, attrs.inputShape as number[], filter.shape);
  const shared = sharedConvolution(backend, "inputGradient", info, [dy, filter]);
  if (shared) return shared;
  const dx = backend.output(info.inShape);
  runRegisters(backend, info, {
    shader,
    operands: [dy, filter],
    output: dx,
    rows: info.batchSize * info.inHeight * info.inWidth,
    columns: info.inChannels,
    layers: 1,
    run: info.outChannels,
    iterations: tapIterations(info, info.outChannels),
    uniforms: { dy_height: dy.shape[1], dy_width: dy.shape[2] },
  });
  return dx;
}

const shader: Shader<TileVariant> = {
  name: "convolution's input gradient",
  source: (v) => {
    // Both operands have output channels side by side.
    const element = v.vectorA ? "vec4<f32>" : "f32";
    const depth = v.vectorA ? 4 : 1;
    const index = (base: string) => v.vectorA ? `(${base} + k) / 4` : `${base} + k`;
    return {
      reads: { dy: element, filters: element },
      writes: { c: v.vectorB ? "vec4<f32>" : "f32" },
      uniforms: { rows: "u32", columns: "u32", dy_height: "i32", dy_width: "i32", ...GEOMETRY },
      code: matrixMain(
        v,
        `
  ${each(v.rows, pixel)}
  ${each(v.columns, (j) => `let n${j} = min(column + ${j}u, u.columns - 1);`)}
  ${declareSums(v)}
  for (var fy = 0; fy < u.filter_height; fy++) {
    for (var fx = 0; fx < u.filter_width; fx++) {
      ${each(v.rows, tap)}
      // With strides most taps meet no output pixel.
      if (!(${Array.from({ length: v.rows }, (_, i) => `in${i}`).join(" || ")})) { continue; }
      let taps = u32((fy * u.filter_width + fx) * u.in_channels);
      ${each(v.columns, (j) => `let row${j} = (taps + n${j}) * u32(u.out_channels);`)}
      for (var k = 0u; k < u32(u.out_channels); k += ${depth}u) {
        ${
          each(v.rows, (i) =>
            `let a${i} = select(${element}(), dy[${index(`base${i}`)}], in${i});`)
        }
        ${each(v.columns, (j) => `let b${j} = filters[${index(`row${j}`)}];`)}
        ${each(depth, (q) => products(v, q))}
      }
    }
  }
  ${each(v.rows, (i) => storeRow(v, i, "0u"))}`,
      ),
    };
  },
};

/** Where each row's input pixel lies in the padded image. */
function pixel(i: number): string {
  return `let p${i} = i32(min(row + ${i}u, u.rows - 1));
  let y${i} = (p${i} / u.in_width) % u.in_height + u.top;
  let x${i} = p${i} % u.in_width + u.left;
  let image${i} = p${i} / (u.in_width * u.in_height) * u.dy_height;`;
}

/** The output pixel that the filter's tap carried the input pixel to, and whether there is one. */
function tap(i: number): string {
  return `let sy${i} = y${i} - fy * u.dilation_y;
      let sx${i} = x${i} - fx * u.dilation_x;
      let oy${i} = sy${i} / u.stride_y;
      let ox${i} = sx${i} / u.stride_x;
      let in${i} = sy${i} >= 0 && sx${i} >= 0 && oy${i} < u.out_height && ox${i} < u.out_width &&
        oy${i} * u.stride_y == sy${i} && ox${i} * u.stride_x == sx${i};
      let base${i} = select(0u, u32(((image${i} + oy${i}) * u.dy_width + ox${i}) * u.out_channels), in${i});`;
}

function products(v: TileVariant, q: number): string {
  const part = (name: string) => v.vectorA ? `${name}[${q}]` : name;
  const columns = (w: number) =>
    v.columns === 1 ? part("b0") : `vec4<f32>(${[0, 1, 2, 3].map((j) => part(`b${4 * w + j}`))})`;
  return `{
    ${each(vectors(v), (w) => `let z${w} = ${columns(w)};`)}
    ${addProducts(v, (i) => part(`a${i}`), (w) => `z${w}`)}
  }`;
}
