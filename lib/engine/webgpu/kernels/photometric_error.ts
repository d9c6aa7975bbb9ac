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
 * `window` takes the 3x3 pixels about a place, the border mirrored: means of a and b, how far these are from each
 * other and from the pixel in the middle, and the factors of equation 13 of Wang et al. 2004, by which the similarity
 * is n1 n2 / (d1 d2). What is lacking of 1 is (e1 d2 + n1 e2) / (d1 d2), with e = d - n: as 1 - similarity it would lose
 * all digits where images are nearly the same. Variances are taken about the middle pixel: as the difference of mean
 * square and squared mean they would lose four digits where images are smooth.
 */
const WINDOW = `
struct Window {
  means: vec2<f32>, apart: f32, offsets: vec2<f32>,
  n1: f32, n2: f32, d1: f32, d2: f32, e1: f32, e2: f32,
}
fn mirror(at: i32, size: i32) -> i32 { return select(abs(at), 2 * size - 2 - at, at >= size); }
fn window(i: i32) -> Window {
  let c = i % u.channels;
  let x = i / u.channels % u.width;
  let y = i / (u.channels * u.width) % u.height;
  let image = i / (u.channels * u.width * u.height) * u.height;
  let at = ((image + y) * u.width + x) * u.channels + c;
  let middle = vec2<f32>(a[at], b[at % u.size_b]);
  var offsets = vec2<f32>();
  var squares = 0.0;
  var squares_apart = 0.0;
  for (var dy = -1; dy <= 1; dy++) {
    for (var dx = -1; dx <= 1; dx++) {
      let at = ((image + mirror(y + dy, u.height)) * u.width + mirror(x + dx, u.width)) * u.channels + c;
      let step = vec2<f32>(a[at], b[at % u.size_b]) - middle;
      offsets += step;
      squares += dot(step, step);
      squares_apart += (step.x - step.y) * (step.x - step.y);
    }
  }
  offsets /= 9;
  let means = middle + offsets;
  let offsets_apart = offsets.x - offsets.y;
  let apart = middle.x - middle.y + offsets_apart;
  let n1 = 2 * means.x * means.y + 1e-4;
  let e1 = apart * apart;
  let d2 = squares / 9 - dot(offsets, offsets) + 9e-4;
  let e2 = squares_apart / 9 - offsets_apart * offsets_apart;
  return Window(means, apart, offsets, n1, d2 - e2, n1 + e1, d2, e1, e2);
}
`;

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
    let w = window(at);
    sum += u.of_similarity * (w.e1 * w.d2 + w.n1 * w.e2) / (w.d1 * w.d2) +
      u.of_difference * abs(a[at] - b[at % u.size_b]);
  }
  output[i] = sum;`,
    ),
  }),
};

/**
 * Gradients of the similarity, over 9, times its slopes m in the mean of a, v in its variance and k in the
 * covariance. A pixel (p, q) moves those by m + 2 v (p - mean(a)) + k (q - mean(b)); what does not depend on it is
 * taken together, with pixels counted from the window's middle one, so that no large numbers cancel.
 */
const slopesShader: Shader<{ workgroup: number }> = {
  name: "photometric error's slopes",
  source: ({ workgroup }) => ({
    reads: { a: "f32", b: "f32", dy: "f32" },
    writes: { slopes: "f32" },
    uniforms: UNIFORMS,
    code: WINDOW + flatMain(
      workgroup,
      `let w = window(i32(i));
  let below = 1 / (w.d1 * w.d2);
  let g = -u.of_similarity * dy[i32(i) / u.channels] / 9;
  let m = 2 * g * w.n2 * (w.means.y * w.e1 - w.n1 * w.apart) * below / w.d1;
  let v = -g * w.n1 * w.n2 * below / w.d2;
  let k = 2 * g * w.n1 * below;
  slopes[i] = m - 2 * v * w.offsets.x - k * w.offsets.y;
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
