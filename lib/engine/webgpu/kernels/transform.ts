/**
 * Images turned, mirrored and seen through a projection.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../errors.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { reversed } from "./movement.ts";

/** `Transform`, `RotateWithOffset` and `FlipLeftRight`. */
export function transformKernels(): GpuKernel[] {
  return [
    { name: "Transform", run: transform },
    { name: "RotateWithOffset", run: rotate },
    {
      name: "FlipLeftRight",
      run: ({ inputs: { image }, backend }) => reversed(backend, image, [2]),
    },
  ];
}

/** How a coordinate outside the image is brought back, by mode: WGSL for `at`, of `size`. */
const FILL_MODES: Readonly<Record<string, string>> = {
  constant: "return at;",
  nearest: "return clamp(at, 0, size - 1);",
  reflect: `if (size <= 1) { return 0; }
  let turn = at - floor(at / (2 * size)) * 2 * size;
  return clamp(select(turn, 2 * size - turn - 1, turn >= size), 0, size - 1);`,
  wrap: `if (size <= 1) { return 0; }
  var inside = at;
  if (at < 0) { inside = at + size * (trunc(-at / (size - 1)) + 1); }
  else if (at > size - 1) { inside = at - size * trunc(at / (size - 1)); }
  return clamp(inside, 0, size - 1);`,
};

/** Images `[B,H,W,C]` and eight coefficients for each or for all, which take output pixels to input ones. */
function transform({ inputs: { image, transforms }, attrs, backend }: KernelCall): tf.TensorInfo {
  const { interpolation, fillMode, fillValue } = attrs as Record<string, string | number>;
  if (!(fillMode in FILL_MODES)) {
    const modes = Object.keys(FILL_MODES).join(", ");
    throw new DeviceError(
      `Cannot transform images: expected a fill mode of ${modes}, got ${fillMode}`,
    );
  }
  const [batch, inHeight, inWidth, channels] = image.shape;
  const [height, width] = attrs.outputShape as number[] ?? [inHeight, inWidth];
  const output = backend.output([batch, height, width, channels], image.dtype);
  backend.run({
    shader: transformShader,
    variant: {
      nearest: interpolation === "nearest",
      fillMode: String(fillMode),
      workgroup: backend.tiles.flat,
    },
    reads: [image, transforms],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      in_height: inHeight,
      in_width: inWidth,
      height,
      width,
      channels,
      each: transforms.shape[0] === 1 ? 0 : 8,
      fill: Number(fillValue),
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

const transformShader: Shader<{ nearest: boolean; fillMode: string; workgroup: number }> = {
  name: "transform",
  source: ({ nearest, fillMode, workgroup }) => ({
    reads: { image: "f32", transforms: "f32" },
    writes: { output: "f32" },
    uniforms: {
      count: "u32",
      in_height: "i32",
      in_width: "i32",
      height: "u32",
      width: "u32",
      channels: "u32",
      each: "u32",
      fill: "f32",
    },
    code: `
fn brought(at: f32, size: f32) -> f32 {
  ${FILL_MODES[fillMode]}
}
fn pixel(n: u32, y: f32, x: f32, c: u32) -> f32 {
  if (!(y >= 0 && y < f32(u.in_height) && x >= 0 && x < f32(u.in_width))) { return u.fill; }
  return image[u32((i32(n) * u.in_height + i32(y)) * u.in_width + i32(x)) * u.channels + c];
}` + flatMain(
      workgroup,
      `let c = i % u.channels;
  let column = f32(i / u.channels % u.width);
  let row = f32(i / (u.channels * u.width) % u.height);
  let n = i / (u.channels * u.width * u.height);
  let t = n * u.each;
  let depth = transforms[t + 6] * column + transforms[t + 7] * row + 1;
  if (depth == 0) { output[i] = u.fill; return; }
  let across = (transforms[t] * column + transforms[t + 1] * row + transforms[t + 2]) / depth;
  let down = (transforms[t + 3] * column + transforms[t + 4] * row + transforms[t + 5]) / depth;
  let x = brought(across, f32(u.in_width));
  let y = brought(down, f32(u.in_height));
  ${
        nearest ? "output[i] = pixel(n, floor(y + 0.5), floor(x + 0.5), c);" : `
  let left = floor(x);
  let top = floor(y);
  let upper = mix(pixel(n, top, left, c), pixel(n, top, left + 1, c), x - left);
  let lower = mix(pixel(n, top + 1, left, c), pixel(n, top + 1, left + 1, c), x - left);
  output[i] = mix(upper, lower, y - top);`
      }`,
    ),
  }),
};

/** Turned about `center` (shares of width and height); what comes from outside gets `fillValue`. */
function rotate({ inputs: { image }, attrs, backend }: KernelCall): tf.TensorInfo {
  const { radians, fillValue } = attrs as { radians: number; fillValue: number | number[] };
  const [, height, width, channels] = image.shape;
  const [centerX, centerY] = tf.backend_util.getImageCenter(
    attrs.center as number,
    height,
    width,
  );
  const output = backend.output(image.shape, image.dtype);
  // A fourth channel is opacity.
  const fill = Array.isArray(fillValue) ? [...fillValue, 255] : Array(4).fill(fillValue);
  backend.run({
    shader: rotateShader,
    variant: { type: image.dtype === "float32" ? "f32" : "i32", workgroup: backend.tiles.flat },
    reads: [image],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      height,
      width,
      channels,
      center_x: centerX,
      center_y: centerY,
      sine: Math.sin(radians),
      cosine: Math.cos(radians),
      fill_0: fill[0],
      fill_1: fill[1],
      fill_2: fill[2],
      fill_3: fill[3],
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

const rotateShader: Shader<{ type: string; workgroup: number }> = {
  name: "rotate",
  source: ({ type, workgroup }) => ({
    reads: { image: type },
    writes: { output: type },
    uniforms: {
      count: "u32",
      height: "i32",
      width: "i32",
      channels: "i32",
      center_x: "f32",
      center_y: "f32",
      sine: "f32",
      cosine: "f32",
      fill_0: "f32",
      fill_1: "f32",
      fill_2: "f32",
      fill_3: "f32",
    },
    code: flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  let dx = f32(i32(i) / u.channels % u.width) - u.center_x;
  let dy = f32(i32(i) / (u.channels * u.width) % u.height) - u.center_y;
  let n = i32(i) / (u.channels * u.width * u.height);
  let x = i32(floor(dx * u.cosine - dy * u.sine + u.center_x + 0.5));
  let y = i32(floor(dx * u.sine + dy * u.cosine + u.center_y + 0.5));
  let fill = vec4<f32>(u.fill_0, u.fill_1, u.fill_2, u.fill_3);
  if (x < 0 || x >= u.width || y < 0 || y >= u.height) {
    output[i] = ${type}(fill[min(c, 3)]);
    return;
  }
  output[i] = image[((n * u.height + y) * u.width + x) * u.channels + c];`,
    ),
  }),
};
