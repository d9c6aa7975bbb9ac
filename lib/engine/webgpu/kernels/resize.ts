/**
 * Bilinear and nearest resizing `[B,H,W,C]`, and their gradients.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { cast } from "./cast.ts";

type Kind = "bilinear" | "nearest";

/** `ResizeBilinear`, `ResizeNearestNeighbor` and their gradients. */
export function resizeKernels(): GpuKernel[] {
  return [
    { name: "ResizeBilinear", run: (call) => forward(call, "bilinear") },
    { name: "ResizeNearestNeighbor", run: (call) => forward(call, "nearest") },
    { name: "ResizeBilinearGrad", run: (call) => backward(call, "bilinear") },
    { name: "ResizeNearestNeighborGrad", run: (call) => backward(call, "nearest") },
  ];
}

function forward(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { inputs: { images }, attrs, backend } = call;
  const [height, width] = attrs.size as [number, number];
  const [batch, , , channels] = images.shape;
  const output = backend.output([batch, height, width, channels]);
  const floats = cast(backend, images, "float32");
  run(call, forwardShader, kind, floats, output, images.shape, output.shape);
  backend.release(floats);
  if (kind === "bilinear" || images.dtype === "float32") return output;
  const result = cast(backend, output, images.dtype);
  backend.release(output);
  return result;
}

function backward(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { inputs: { dy, images }, backend } = call;
  const dx = backend.output(images.shape);
  run(call, gradientShader, kind, dy, dx, images.shape, dy.shape);
  return dx;
}

/** Output pixels along an axis that an input pixel asks, as `lookers` of the gradient has them. */
function mostLookers(outputs: number, ratio: number): number {
  return Math.min(outputs, Math.ceil(3 / ratio) + 5);
}

interface ResizeVariant {
  readonly [key: string]: string | number | boolean;
  readonly kind: Kind;
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
  /** Channels that one invocation looks after. */
  readonly width: number;
  readonly workgroup: number;
}

function run(
  { attrs, backend }: KernelCall,
  shader: Shader<ResizeVariant>,
  kind: Kind,
  source: tf.TensorInfo,
  output: tf.TensorInfo,
  [, inHeight, inWidth, channels]: readonly number[],
  [, outHeight, outWidth]: readonly number[],
): void {
  const width = channels % 4 === 0 ? 4 : 1;
  const count = sizeOf(output) / width;
  const alignCorners = Boolean(attrs.alignCorners);
  // One output pixel cannot be aligned with two corners.
  const ratio = (input: number, output: number) =>
    alignCorners && output > 1 ? (input - 1) / (output - 1) : input / output;
  const ratioY = ratio(inHeight, outHeight), ratioX = ratio(inWidth, outWidth);
  backend.run({
    shader,
    variant: {
      kind,
      alignCorners,
      halfPixelCenters: Boolean(attrs.halfPixelCenters),
      width,
      workgroup: backend.tiles.flat,
    },
    reads: [source],
    writes: [output],
    uniforms: {
      count,
      channels: channels / width,
      in_height: inHeight,
      in_width: inWidth,
      out_height: outHeight,
      out_width: outWidth,
      ratio_y: ratioY,
      ratio_x: ratioX,
    },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: shader === gradientShader
      ? mostLookers(outHeight, ratioY) * (1 + mostLookers(outWidth, ratioX))
      : 0,
  });
}

const UNIFORMS = {
  count: "u32",
  channels: "i32",
  in_height: "i32",
  in_width: "i32",
  out_height: "i32",
  out_width: "i32",
  ratio_y: "f32",
  ratio_x: "f32",
} as const;

/**
 * Where an output index looks: `sample` answers the input indices before and after it, and the share of
 * the second. Nearest: both are the one pixel.
 */
function sampling({ kind, alignCorners, halfPixelCenters }: ResizeVariant): string {
  const position = halfPixelCenters ? "(f32(o) + 0.5) * ratio - 0.5" : "f32(o) * ratio";
  const index = alignCorners
    ? "floor(at + 0.5)"
    : halfPixelCenters
    ? "floor(at + 0.5)"
    : "floor(at)";
  return `
struct Sample { low: i32, high: i32, share: f32 }
fn sample(o: i32, ratio: f32, size: i32) -> Sample {
  ${
    kind === "bilinear"
      ? `let at = clamp(${position}, 0, f32(size - 1));
  let low = i32(floor(at));
  return Sample(low, min(low + 1, size - 1), at - f32(low));`
      : `let at = ${position};
  let nearest = clamp(i32(${index}), 0, size - 1);
  return Sample(nearest, nearest, 0);`
  }
}`;
}

const typeOf = (width: number) => width === 4 ? "vec4<f32>" : "f32";

const forwardShader: Shader<ResizeVariant> = {
  name: "resize",
  source: (v) => ({
    reads: { images: typeOf(v.width) },
    writes: { output: typeOf(v.width) },
    uniforms: UNIFORMS,
    code: sampling(v) + flatMain(
      v.workgroup,
      `let c = i32(i) % u.channels;
  let x = sample(i32(i) / u.channels % u.out_width, u.ratio_x, u.in_width);
  let y = sample(i32(i) / (u.channels * u.out_width) % u.out_height, u.ratio_y, u.in_height);
  let image = i32(i) / (u.channels * u.out_width * u.out_height) * u.in_height;
  let low = (image + y.low) * u.in_width;
  ${
        v.kind === "nearest"
          ? "output[i] = images[(low + x.low) * u.channels + c];"
          : `let high = (image + y.high) * u.in_width;
  let above = mix(images[(low + x.low) * u.channels + c], images[(low + x.high) * u.channels + c], ${
            typeOf(v.width)
          }(x.share));
  let below = mix(images[(high + x.low) * u.channels + c], images[(high + x.high) * u.channels + c], ${
            typeOf(v.width)
          }(x.share));
  output[i] = mix(above, below, ${typeOf(v.width)}(y.share));`
      }`,
    ),
  }),
};

/** Each input pixel asks the output pixels about it how much of it they took. */
const gradientShader: Shader<ResizeVariant> = {
  name: "resize's gradient",
  source: (v) => ({
    reads: { dy: typeOf(v.width) },
    writes: { dx: typeOf(v.width) },
    uniforms: UNIFORMS,
    code: sampling(v) + `
fn weight(at: i32, s: Sample) -> f32 {
  return select(0, 1 - s.share, s.low == at) + select(0, s.share, s.high == at);
}
/** First and last output index that may have looked at an input index. */
fn lookers(at: i32, ratio: f32, size: i32, count: i32) -> vec2<i32> {
  let reach = 1 / ratio;
  let first = i32(floor((f32(at) - 1) * reach - 1.5));
  let last = i32(ceil((f32(at) + 2) * reach + 1.5));
  // The border pixel stands for all that is outside.
  return vec2<i32>(select(max(first, 0), 0, at == 0), select(min(last, count - 1), count - 1, at == size - 1));
}` + flatMain(
      v.workgroup,
      `let c = i32(i) % u.channels;
  let x = i32(i) / u.channels % u.in_width;
  let y = i32(i) / (u.channels * u.in_width) % u.in_height;
  let image = i32(i) / (u.channels * u.in_width * u.in_height) * u.out_height;
  let rows = lookers(y, u.ratio_y, u.in_height, u.out_height);
  let columns = lookers(x, u.ratio_x, u.in_width, u.out_width);
  var sum = ${typeOf(v.width)}();
  for (var oy = rows.x; oy <= rows.y; oy++) {
    let share = weight(y, sample(oy, u.ratio_y, u.in_height));
    if (share == 0) { continue; }
    for (var ox = columns.x; ox <= columns.y; ox++) {
      let whole = share * weight(x, sample(ox, u.ratio_x, u.in_width));
      if (whole == 0) { continue; }
      sum += whole * dy[((image + oy) * u.out_width + ox) * u.channels + c];
    }
  }
  dx[i] = sum;`,
    ),
  }),
};
