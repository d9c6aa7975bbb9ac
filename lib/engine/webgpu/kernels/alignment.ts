/**
 * Direct alignment: Gauss-Newton steps on the brightness of two frames whose depth is known. A step is one
 * pass over the pixels, a sum and the solution of six equations for each item.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import type { GpuKernel, KernelCall } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { moveShader } from "./alignment_step.ts";
import { each } from "./matmul/matrix_tile.ts";
import { reduce } from "./reduce.ts";

/** `AlignMotion` and `AlignmentError`, kernels of this project (lib/depth/alignment.ts). */
export function alignmentKernels(): GpuKernel[] {
  return [{ name: "AlignMotion", run: align }, { name: "AlignmentError", run: error }];
}

const UNKNOWNS = 6;
/** Upper triangle of the normal matrix row by row, then the right side. */
const SUMS = UNKNOWNS * (UNKNOWNS + 1) / 2 + UNKNOWNS;

/** Motions `[B,12]` (rotation, translation) to better ones. */
function align({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { iterations, huber, damping } = attrs as Record<string, number>;
  const [batch] = inputs.motion.shape;
  let motion = backend.alias(inputs.motion, inputs.motion.shape);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const sums = compare(backend, inputs, motion, huber, SUMS);
    const moved = backend.output([batch, 12]);
    backend.run({
      shader: moveShader,
      variant: { workgroup: backend.tiles.flat },
      reads: [sums, motion],
      writes: [moved],
      uniforms: { count: batch, damping },
      groups: flatGroups(batch, backend.tiles.flat),
    });
    backend.release(sums, motion);
    motion = moved;
  }
  return motion;
}

/** `[B]`: the mean of Huber's loss over the pixels that fall inside the source. */
function error({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const [batch] = inputs.motion.shape;
  const sums = compare(backend, inputs, inputs.motion, attrs.huber as number, 2);
  const output = backend.output([batch]);
  backend.run({
    shader: meanShader,
    variant: { workgroup: backend.tiles.flat },
    reads: [sums],
    writes: [output],
    uniforms: { count: batch },
    groups: flatGroups(batch, backend.tiles.flat),
  });
  backend.release(sums);
  return output;
}

const meanShader: Shader<{ workgroup: number }> = {
  name: "alignment, mean error",
  source: ({ workgroup }) => ({
    reads: { sums: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32" },
    code: flatMain(workgroup, "output[i] = sums[2 * i] / (sums[2 * i + 1] + 1);"),
  }),
};

/** Pixels that one invocation adds up, so that rounding takes little. */
const PART = 32;

/** `[B,sums]`: the normal equations, or with two sums the loss and the number of pixels inside. */
function compare(
  backend: WebGpuBackend,
  { target, source, disparity, camera }: KernelCall["inputs"],
  motion: tf.TensorInfo,
  huber: number,
  sums: number,
): tf.TensorInfo {
  const [batch, height, width] = target.shape;
  const parts = Math.ceil(height * width / PART);
  const output = backend.output([batch, parts, sums]);
  backend.run({
    shader: compareShader,
    variant: { equations: sums === SUMS, workgroup: backend.tiles.flat },
    reads: [target, source, disparity, camera, motion],
    writes: [output],
    uniforms: { count: batch * parts, parts, height, width, huber },
    groups: flatGroups(batch * parts, backend.tiles.flat),
  });
  const total = reduce(backend, "Sum", output, [1], false);
  backend.release(output);
  return total;
}

/**
 * Residual r, Huber's weight w and the change j of brightness with a small shift and turn of the moved point:
 * with (x, y) its direction and n its inverse depth in the source's camera,
 *
 *     dqx = fx (n [1, 0, -x],  [-xy, 1 + x^2, -y])
 *     dqy = fy (n [0, 1, -y],  [-(1 + y^2), xy, x])
 */
const compareShader: Shader<{ equations: boolean; workgroup: number }> = {
  name: "alignment, comparison",
  source: ({ equations, workgroup }) => ({
    reads: { goal: "f32", source: "f32", disparity: "f32", cameras: "f32", motions: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32", parts: "u32", height: "i32", width: "i32", huber: "f32" },
    code: SAMPLE + flatMain(
      workgroup,
      `let item = i32(i / u.parts);
  let pixels = u.height * u.width;
  let focal = vec2<f32>(cameras[9 * item], cameras[9 * item + 4]);
  let centre = vec2<f32>(cameras[9 * item + 2], cameras[9 * item + 5]);
  ${each(12, (k) => `let m${k} = motions[12 * item + ${k}];`)}
  ${each(equations ? SUMS : 2, (k) => `var s${k} = 0.0;`)}
  // Neighbours take neighbouring pixels.
  for (var pixel = i32(i % u.parts); pixel < pixels; pixel += i32(u.parts)) {
    let d = disparity[item * pixels + pixel];
    let place = vec2<f32>(f32(pixel % u.width), f32(pixel / u.width));
    let ray = (place - centre) / focal;
    let across = m0 * ray.x + m1 * ray.y + m2 + m9 * d;
    let down = m3 * ray.x + m4 * ray.y + m5 + m10 * d;
    let depth = max(m6 * ray.x + m7 * ray.y + m8 + m11 * d, 1e-3);
    let end = vec2<f32>(f32(u.width - 1), f32(u.height - 1));
    let q = focal * vec2<f32>(across, down) / depth + centre;
    if (!(all(q >= vec2<f32>()) && all(q <= end))) { continue; }
    let seen = sample(item * pixels, q);
    let r = seen.x - goal[item * pixels + pixel];
    ${equations ? EQUATIONS : LOSS}
  }
  ${each(equations ? SUMS : 2, (k) => `output[i * ${equations ? SUMS : 2} + ${k}] = s${k};`)}`,
    ),
  }),
};

const LOSS = `s0 += select(u.huber * (abs(r) - 0.5 * u.huber), 0.5 * r * r, abs(r) < u.huber);
    s1 += 1;`;

const EQUATIONS = `let w = select(1, u.huber / abs(r), abs(r) > u.huber);
    let g = seen.yz * focal;
    let n = d / depth;
    let direction = (q - centre) / focal;
    let along = dot(g, direction);
    let j0 = g.x * n;
    let j1 = g.y * n;
    let j2 = -along * n;
    let j3 = -(along * direction.y + g.y);
    let j4 = along * direction.x + g.x;
    let j5 = g.y * direction.x - g.x * direction.y;
    ${
  each(UNKNOWNS, (k) =>
    `let w${k} = w * j${k};
    ${each(UNKNOWNS - k, (l) => `s${entry(k, k + l)} += w${k} * j${k + l};`)}
    s${SUMS - UNKNOWNS + k} += w${k} * r;`)
}`;

/** Where entry (k, l), k <= l, of the normal matrix is among the sums. */
function entry(k: number, l: number): number {
  return k * UNKNOWNS - k * (k - 1) / 2 + l - k;
}

/**
 * Brightness at a place inside the source, and its slopes: half the difference of the neighbours on both
 * sides, the border pixel being its own neighbour, between pixels as brightness is.
 */
const SAMPLE = `
fn brightness(image: i32, x: i32, y: i32) -> f32 {
  return source[image + clamp(y, 0, u.height - 1) * u.width + clamp(x, 0, u.width - 1)];
}
fn slopes(image: i32, x: i32, y: i32) -> vec3<f32> {
  return vec3<f32>(
    brightness(image, x, y),
    0.5 * (brightness(image, x + 1, y) - brightness(image, x - 1, y)),
    0.5 * (brightness(image, x, y + 1) - brightness(image, x, y - 1)),
  );
}
fn sample(image: i32, q: vec2<f32>) -> vec3<f32> {
  let low = vec2<i32>(floor(q));
  let high = min(low + 1, vec2<i32>(u.width - 1, u.height - 1));
  let share = q - floor(q);
  return mix(
    mix(slopes(image, low.x, low.y), slopes(image, high.x, low.y), share.x),
    mix(slopes(image, low.x, high.y), slopes(image, high.x, high.y), share.x),
    share.y,
  );
}`;
