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

/** `window` sums up the 3x3 pixels about a place, the border mirrored. */
const WINDOW = `
struct Window { ma: f32, mb: f32, aa: f32, bb: f32, ab: f32 }
fn mirror(at: i32, size: i32) -> i32 { return select(abs(at), 2 * size - 2 - at, at >= size); }
fn window(i: i32) -> Window {
  let c = i % u.channels;
  let x = i / u.channels % u.width;
  let y = i / (u.channels * u.width) % u.height;
  let image = i / (u.channels * u.width * u.height) * u.height;
  var w = Window();
  for (var dy = -1; dy <= 1; dy++) {
    for (var dx = -1; dx <= 1; dx++) {
      let at = ((image + mirror(y + dy, u.height)) * u.width + mirror(x + dx, u.width)) * u.channels + c;
      let p = a[at];
      let q = b[at % u.size_b];
      w.ma += p; w.mb += q; w.aa += p * p; w.bb += q * q; w.ab += p * q;
    }
  }
  return Window(w.ma / 9, w.mb / 9, w.aa / 9, w.bb / 9, w.ab / 9);
}
`;

/** The four factors of equation 13 of Wang et al. 2004: similarity is a1 a2 / (b1 b2). */
const FACTORS = `let w = window(i32(i));
  let a1 = 2 * w.ma * w.mb + 1e-4;
  let a2 = 2 * (w.ab - w.ma * w.mb) + 9e-4;
  let b1 = w.ma * w.ma + w.mb * w.mb + 1e-4;
  let b2 = w.aa - w.ma * w.ma + w.bb - w.mb * w.mb + 9e-4;`;

const similarityShader: Shader<{ workgroup: number }> = {
  name: "SSIM",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(workgroup, `${FACTORS}\n  output[i] = a1 * a2 / (b1 * b2);`),
  }),
};

/** dy / 9 times the derivatives in mean(a), mean(a^2) and mean(a b), one after the other. */
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
  slopes[i] = g * (2 * w.mb * (a2 - a1) * below - 2 * w.ma * value * (1 / b1 - 1 / b2));
  slopes[u.count + i] = -g * value / b2;
  slopes[2 * u.count + i] = g * 2 * a1 * below;`,
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
  var sum = vec3<f32>();
  for (var cy = max(0, y - 1); cy <= min(u.height - 1, y + 1); cy++) {
    let rows = times(y, cy, u.height);
    for (var cx = max(0, x - 1); cx <= min(u.width - 1, x + 1); cx++) {
      let at = ((image + cy) * u.width + cx) * u.channels + c;
      let often = rows * times(x, cx, u.width);
      sum += often * vec3<f32>(slopes[at], slopes[count + at], slopes[2 * count + at]);
    }
  }
  da[i] = sum.x + 2 * a[i] * sum.y + b[i32(i) % u.size_b] * sum.z;`,
    ),
  }),
};
