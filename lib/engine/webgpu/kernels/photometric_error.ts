/**
 * Photometric error of images, and its gradient.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `PhotometricError` and `PhotometricErrorGrad`, kernels of this project (lib/ops/photometric_error.ts). */
export function photometricErrorKernels(): GpuKernel[] {
  return [
    { name: "PhotometricError", run: error },
    { name: "PhotometricErrorGrad", run: gradient },
  ];
}

function error(call: KernelCall): tf.TensorInfo {
  const { inputs: { views, target }, backend } = call;
  const output = backend.output(views.shape.slice(0, 3));
  run(call, errorShader, [views, target], output, sizeOf(output));
  return output;
}

/** First what each window's answer changes by with its means, then each pixel's part in its windows. */
function gradient(call: KernelCall): tf.TensorInfo {
  const { inputs: { dy, views, target }, backend } = call;
  const slopes = backend.output([3, ...views.shape]);
  run(call, slopesShader, [views, target, dy], slopes, sizeOf(views));
  const dviews = backend.output(views.shape);
  run(call, gradientShader, [views, target, dy, slopes], dviews, sizeOf(views));
  backend.release(slopes);
  return dviews;
}

/** @param count Invocations. */
function run(
  { inputs: { views, target }, attrs, backend }: KernelCall,
  shader: Shader<{ workgroup: number }>,
  reads: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
  count: number,
): void {
  const [, height, width, channels] = views.shape;
  const weight = attrs.ssimWeight as number;
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: {
      count,
      size_b: sizeOf(target),
      height,
      width,
      channels,
      of_similarity: weight / 2 / channels,
      of_difference: (1 - weight) / channels,
    },
    groups: flatGroups(count, backend.tiles.flat),
  });
}

const UNIFORMS = {
  count: "u32",
  size_b: "i32",
  height: "i32",
  width: "i32",
  channels: "i32",
  of_similarity: "f32",
  of_difference: "f32",
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

/** The four factors of equation 13 of Wang et al. 2004: the similarity about `at` is a1 a2 / (b1 b2). */
const factors = (at: string) =>
  `let w = window(${at});
  let a1 = 2 * w.ma * w.mb + 1e-4;
  let a2 = 2 * w.covariance + 9e-4;
  let b1 = w.ma * w.ma + w.mb * w.mb + 1e-4;
  let b2 = w.variances + 9e-4;`;

const errorShader: Shader<{ workgroup: number }> = {
  name: "photometric error",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(
      workgroup,
      `var sum = 0.0;
  for (var c = 0; c < u.channels; c++) {
    let at = i32(i) * u.channels + c;
    ${factors("at")}
    sum += u.of_similarity * (1 - a1 * a2 / (b1 * b2)) +
      u.of_difference * abs(a[at] - b[at % u.size_b]);
  }
  output[i] = sum;`,
    ),
  }),
};

/**
 * Gradients of the similarity, over 9, times its slopes m in the mean of a, v in its variance and k in the covariance. A pixel
 * (p, q) moves those by m + 2 v (p - mean(a)) + k (q - mean(b)); what does not depend on it is taken together,
 * with pixels counted from the window's middle one, so that no large numbers cancel.
 */
const slopesShader: Shader<{ workgroup: number }> = {
  name: "photometric error's slopes",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32", dy: "f32" },
    writes: { slopes: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(
      workgroup,
      `${factors("i32(i)")}
  let below = 1 / (b1 * b2);
  let value = a1 * a2 * below;
  let g = -u.of_similarity * dy[i32(i) / u.channels] / 9;
  let v = -g * value / b2;
  let k = g * 2 * a1 * below;
  slopes[i] = g * 2 * (w.mb * a2 * below - w.ma * value / b1) - 2 * v * w.oa - k * w.ob;
  slopes[u.count + i] = v;
  slopes[2 * u.count + i] = k;`,
    ),
  }),
};

/** A pixel is once, or mirrored twice, in each window about it. Where pixels are equal their difference has no slope. */
const gradientShader: Shader<{ workgroup: number }> = {
  name: "photometric error's gradient",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32", dy: "f32", slopes: "f32" },
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
  da[i] = sum + u.of_difference * sign(p - q) * dy[i32(i) / u.channels];`,
    ),
  }),
};
