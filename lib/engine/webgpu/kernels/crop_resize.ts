/**
 * Boxes cut out of images and resized.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { cast } from "./cast.ts";

/** `CropAndResize`. */
export function cropResizeKernels(): GpuKernel[] {
  return [{ name: "CropAndResize", run: cropAndResize }];
}

/**
 * Images `[B,H,W,C]`, boxes `[N,4]` (top, left, bottom, right as shares of the image) and the image of
 * each to `[N,h,w,C]`. Pixels outside get `extrapolationValue`, those of an image that is not there 0.
 */
function cropAndResize({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { image, boxes, boxInd } = inputs;
  const [batch, inHeight, inWidth, channels] = image.shape;
  const [height, width] = attrs.cropSize as [number, number];
  const floats = cast(backend, image, "float32");
  const output = backend.output([boxes.shape[0], height, width, channels]);
  backend.run({
    shader,
    variant: { method: attrs.method as string, workgroup: backend.tiles.flat },
    reads: [floats, boxes, boxInd],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      batch,
      in_height: inHeight,
      in_width: inWidth,
      height,
      width,
      channels,
      outside: attrs.extrapolationValue as number,
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  backend.release(floats);
  return output;
}

/** One pixel of a box lies in its middle; more are spread from edge to edge. */
const shader: Shader<{ method: string; workgroup: number }> = {
  name: "crop and resize",
  source: ({ method, workgroup }) => ({
    reads: { image: "f32", boxes: "f32", images: "i32" },
    writes: { output: "f32" },
    uniforms: {
      count: "u32",
      batch: "i32",
      in_height: "i32",
      in_width: "i32",
      height: "u32",
      width: "u32",
      channels: "u32",
      outside: "f32",
    },
    code: `
fn place(low: f32, high: f32, k: u32, count: u32, size: i32) -> f32 {
  if (count == 1) { return 0.5 * (low + high) * f32(size - 1); }
  return low * f32(size - 1) + f32(k) * ((high - low) * f32(size - 1) / f32(count - 1));
}
fn pixel(n: i32, y: f32, x: f32, c: u32) -> f32 {
  return image[u32((n * u.in_height + i32(y)) * u.in_width + i32(x)) * u.channels + c];
}` + flatMain(
      workgroup,
      `let c = i % u.channels;
  let column = i / u.channels % u.width;
  let row = i / (u.channels * u.width) % u.height;
  let box = i / (u.channels * u.width * u.height);
  let n = images[box];
  if (n < 0 || n >= u.batch) { output[i] = 0; return; }
  let y = place(boxes[4 * box], boxes[4 * box + 2], row, u.height, u.in_height);
  let x = place(boxes[4 * box + 1], boxes[4 * box + 3], column, u.width, u.in_width);
  if (!(y >= 0 && y <= f32(u.in_height - 1) && x >= 0 && x <= f32(u.in_width - 1))) {
    output[i] = u.outside;
    return;
  }
  ${
        method === "nearest" ? "output[i] = pixel(n, floor(y + 0.5), floor(x + 0.5), c);" : `
  let share = x - floor(x);
  let top = mix(pixel(n, floor(y), floor(x), c), pixel(n, floor(y), ceil(x), c), share);
  let bottom = mix(pixel(n, ceil(y), floor(x), c), pixel(n, ceil(y), ceil(x), c), share);
  output[i] = mix(top, bottom, y - floor(y));`
      }`,
    ),
  }),
};
