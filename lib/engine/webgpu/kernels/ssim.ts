/**
 * Structural similarity of images over 3x3 windows, and its gradient.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Ssim` and `SsimGrad`, kernels of this project (lib/ops/ssim.ts). */
export function ssimKernels(): GpuKernel[] {
  return [{ name: "Ssim", run: similarity }, { name: "SsimGrad", run: gradient }];
}

function similarity({ inputs: { a, b }, backend }: KernelCall): tf.TensorInfo {
  const output = backend.output(a.shape);
  run(backend, similarityShader, [a, b], output, a, b);
  return output;
}

/** First what each window's answer changes by with its means, then each pixel's part in its windows. */
function gradient({ inputs: { dy, a, b }, backend }: KernelCall): tf.TensorInfo {
  const slopes = backend.output([3, ...a.shape]);
  run(backend, slopesShader, [a, b, dy], slopes, a, b);
  const da = backend.output(a.shape);
  run(backend, gradientShader, [a, b, slopes], da, a, b);
  backend.release(slopes);
  return da;
}

function run(
  backend: KernelCall["backend"],
  shader: Shader<{ workgroup: number }>,
  reads: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): void {
  const [, height, width, channels] = a.shape;
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: { count: sizeOf(a), size_b: sizeOf(b), height, width, channels },
    groups: flatGroups(sizeOf(a), backend.tiles.flat),
  });
}

const UNIFORMS = {
  count: "u32",
  size_b: "i32",
  height: "i32",
  width: "i32",
  channels: "i32",
} as const;

/**
 * `window` takes the 3x3 pixels about a place, the border mirrored: means of a and b, how far these are from
 * the pixel in the middle, and the variances and the covariance. Those are taken about that pixel: as the
 * difference of mean square and squared mean they would lose four digits where images are smooth.
 */
const WINDOW = `
struct Window { ma: f32, mb: f32, oa: f32, ob: f32, variances: f32, covariance: f32 }
fn mirror(at: i32, size: i32) -> i32 { return select(abs(at), 2 * size - 2 - at, at >= size); }
fn window(i: i32) -> Window {
  let c = i % u.channels;
  let x = i / u.channels % u.width;
  let y = i / (u.channels * u.width) % u.height;
  let image = i / (u.channels * u.width * u.height) * u.height;
  let middle = ((image + y) * u.width + x) * u.channels + c;
  let a0 = a[middle];
  let b0 = b[middle % u.size_b];
  var offsets = vec2<f32>();
  var squares = 0.0;
  var product = 0.0;
  for (var dy = -1; dy <= 1; dy++) {
    for (var dx = -1; dx <= 1; dx++) {
      let at = ((image + mirror(y + dy, u.height)) * u.width + mirror(x + dx, u.width)) * u.channels + c;
      let apart = vec2<f32>(a[at] - a0, b[at % u.size_b] - b0);
      offsets += apart;
      squares += dot(apart, apart);
      product += apart.x * apart.y;
    }
  }
  offsets /= 9;
  return Window(a0 + offsets.x, b0 + offsets.y, offsets.x, offsets.y,
    squares / 9 - dot(offsets, offsets), product / 9 - offsets.x * offsets.y);
}
`;

/** The four factors of equation 13 of Wang et al. 2004: similarity is a1 a2 / (b1 b2). */
const FACTORS = `let w = window(i32(i));
  let a1 = 2 * w.ma * w.mb + 1e-4;
  let a2 = 2 * w.covariance + 9e-4;
  let b1 = w.ma * w.ma + w.mb * w.mb + 1e-4;
  let b2 = w.variances + 9e-4;`;

const similarityShader: Shader<{ workgroup: number }> = {
  name: "SSIM",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(workgroup, `${FACTORS}\n  output[i] = a1 * a2 / (b1 * b2);`),
  }),
};

/**
 * dy / 9 times the similarity's slopes m in the mean of a, v in its variance and k in the covariance. A pixel
 * (p, q) moves those by m + 2 v (p - mean(a)) + k (q - mean(b)); what does not depend on it is taken together,
 * with pixels counted from the window's middle one, so that no large numbers cancel.
 */
const slopesShader: Shader<{ workgroup: number }> = {
  name: "SSIM's slopes",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32", dy: "f32" },
    writes: { slopes: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(
      workgroup,
      `${FACTORS}
  let below = 1 / (b1 * b2);
  let value = a1 * a2 * below;
  let g = dy[i] / 9;
  let v = -g * value / b2;
  let k = g * 2 * a1 * below;
  slopes[i] = g * 2 * (w.mb * a2 * below - w.ma * value / b1) - 2 * v * w.oa - k * w.ob;
  slopes[u.count + i] = v;
  slopes[2 * u.count + i] = k;`,
    ),
  }),
};

/** A pixel is once, or mirrored twice, in each window about it. */
const gradientShader: Shader<{ workgroup: number }> = {
  name: "SSIM's gradient",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32", slopes: "f32" },
    writes: { da: "f32" },
    uniforms: UNIFORMS,
    code: `
fn mirror(at: i32, size: i32) -> i32 { return select(abs(at), 2 * size - 2 - at, at >= size); }
fn times(pixel: i32, centre: i32, size: i32) -> f32 {
  var count = 0.0;
  for (var d = -1; d <= 1; d++) { count += select(0.0, 1.0, mirror(centre + d, size) == pixel); }
  return count;
}` + flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  let x = i32(i) / u.channels % u.width;
  let y = i32(i) / (u.channels * u.width) % u.height;
  let image = i32(i) / (u.channels * u.width * u.height) * u.height;
  let count = i32(u.count);
  let p = a[i];
  let q = b[i32(i) % u.size_b];
  var sum = 0.0;
  for (var cy = max(0, y - 1); cy <= min(u.height - 1, y + 1); cy++) {
    let rows = times(y, cy, u.height);
    for (var cx = max(0, x - 1); cx <= min(u.width - 1, x + 1); cx++) {
      let at = ((image + cy) * u.width + cx) * u.channels + c;
      let often = rows * times(x, cx, u.width);
      sum += often * (slopes[at] + 2 * (p - a[at]) * slopes[count + at] +
        (q - b[at % u.size_b]) * slopes[2 * count + at]);
    }
  }
  da[i] = sum;`,
    ),
  }),
};
