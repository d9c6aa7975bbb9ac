/**
 * Windows that slide over volumes `[B,D,H,W,C]`, for the kernels that need not be fast: depthwise and 3-D
 * convolution, 3-D pooling, dilation. An image is a volume of depth 1. In the code positions are
 * `vec3<i32>` of depth, row and column: `p` in the input, `o` in the output, `f` in the window.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { sizeOf } from "../../kernel.ts";
import { flatGroups, flatMain, type Scalar, type Shader } from "../../program.ts";

type Info2D = Omit<ReturnType<typeof tf.backend_util.computeConv2DInfo>, "filterShape">;
type Info3D = Omit<ReturnType<typeof tf.backend_util.computeConv3DInfo>, "filterShape">;

/** What tfjs-core computes of windows that slide over images or volumes. */
export type WindowInfo = Info2D | Info3D;

const AXES = ["z", "y", "x"] as const;
const SIZES = ["in", "out", "window", "stride", "dilation", "before"] as const;

/** Types of the uniforms that {@linkcode windowValues} gives. */
export const WINDOW_UNIFORMS: Readonly<Record<string, Scalar>> = Object.fromEntries(
  [
    "batch",
    "in_channels",
    "out_channels",
    ...SIZES.flatMap((size) => AXES.map((axis) => `${size}_${axis}`)),
  ].map((name) => [name, "i32"] as const),
);

/** The geometry as uniforms. */
export function windowValues(info: WindowInfo): Record<string, number> {
  const deep = "inDepth" in info;
  const sizes: Record<typeof SIZES[number], readonly number[]> = {
    in: [deep ? info.inDepth : 1, info.inHeight, info.inWidth],
    out: [deep ? info.outDepth : 1, info.outHeight, info.outWidth],
    window: [deep ? info.filterDepth : 1, info.filterHeight, info.filterWidth],
    stride: [deep ? info.strideDepth : 1, info.strideHeight, info.strideWidth],
    dilation: [deep ? info.dilationDepth : 1, info.dilationHeight, info.dilationWidth],
    before: [deep ? info.padInfo.front : 0, info.padInfo.top, info.padInfo.left],
  };
  return {
    batch: info.batchSize,
    in_channels: info.inChannels,
    out_channels: info.outChannels,
    ...Object.fromEntries(
      SIZES.flatMap((size) => AXES.map((axis, k) => [`${size}_${axis}`, sizes[size][k]])),
    ),
  };
}

const vector = (name: string) =>
  `fn ${name}_size() -> vec3<i32> { return vec3<i32>(${
    AXES.map((axis) => `u.${name}_${axis}`)
  }); }`;

/** Functions that walk windows; `tap` and `origin` answer positions that may lie outside. */
export const WINDOWS = `
${SIZES.map(vector).join("\n")}
fn volume(size: vec3<i32>) -> i32 { return size.x * size.y * size.z; }
fn ravel(p: vec3<i32>, size: vec3<i32>) -> i32 { return (p.x * size.y + p.y) * size.z + p.z; }
fn unravel(i: i32, size: vec3<i32>) -> vec3<i32> {
  return vec3<i32>(i / (size.y * size.z), i / size.z % size.y, i % size.z);
}
fn inside(p: vec3<i32>, size: vec3<i32>) -> bool {
  return all(p >= vec3<i32>()) && all(p < size);
}
fn tap(o: vec3<i32>, f: vec3<i32>) -> vec3<i32> {
  return o * stride_size() - before_size() + f * dilation_size();
}
fn origin(p: vec3<i32>, f: vec3<i32>) -> vec3<i32> {
  let steps = p + before_size() - f * dilation_size();
  let o = steps / stride_size();
  return select(vec3<i32>(-1), o, all(steps >= vec3<i32>()) && all(o * stride_size() == steps));
}
fn at_input(n: i32, p: vec3<i32>, c: i32) -> i32 {
  return (n * volume(in_size()) + ravel(p, in_size())) * u.in_channels + c;
}
fn at_output(n: i32, o: vec3<i32>, c: i32) -> i32 {
  return (n * volume(out_size()) + ravel(o, out_size())) * u.out_channels + c;
}
`;

/** Takes the flat index of an element of the output apart: `c`, `o` and `n`. */
export const OUTPUT_PLACE = `let c = i32(i) % u.out_channels;
  let o = unravel(i32(i) / u.out_channels % volume(out_size()), out_size());
  let n = i32(i) / (u.out_channels * volume(out_size()));`;

/** Takes the flat index of an element of the input apart: `c`, `p` and `n`. */
export const INPUT_PLACE = `let c = i32(i) % u.in_channels;
  let p = unravel(i32(i) / u.in_channels % volume(in_size()), in_size());
  let n = i32(i) / (u.in_channels * volume(in_size()));`;

/** Runs the body for every tap `k`, at `f`, of the window of `o` that lies in the input, at `p`. */
export function overTaps(body: string): string {
  return `for (var k = 0; k < volume(window_size()); k++) {
    let f = unravel(k, window_size());
    let p = tap(o, f);
    if (!inside(p, in_size())) { continue; }
    ${body}
  }`;
}

/** Runs the body for every window, of the output `o`, that has `p` under its tap `k`, at `f`. */
export function overWindows(body: string): string {
  return `for (var k = 0; k < volume(window_size()); k++) {
    let f = unravel(k, window_size());
    let o = origin(p, f);
    if (!inside(o, out_size())) { continue; }
    ${body}
  }`;
}

/** Runs the body for every window, of the output `o` of image `n`, whose tap at `f` has an input, `p`. */
export function overOutputs(body: string): string {
  return `for (var window = 0; window < u.batch * volume(out_size()); window++) {
    let n = window / volume(out_size());
    let o = unravel(window % volume(out_size()), out_size());
    let p = tap(o, f);
    if (!inside(p, in_size())) { continue; }
    ${body}
  }`;
}

/**
 * A function that tells whether tap `k` has the largest `value_at(n, p, f, c)`, which the code must
 * define, of its window; of equal ones the first wins, or the last.
 */
export function winner(equal: "first" | "last"): string {
  return `
fn wins(n: i32, o: vec3<i32>, k: i32, c: i32) -> bool {
  let place = unravel(k, window_size());
  let own = value_at(n, tap(o, place), place, c);
  for (var other = 0; other < volume(window_size()); other++) {
    let f = unravel(other, window_size());
    let p = tap(o, f);
    if (other == k || !inside(p, in_size())) { continue; }
    let value = value_at(n, p, f, c);
    if (value > own || (value == own && other ${equal === "first" ? "<" : ">"} k)) { return false; }
  }
  return true;
}`;
}

/** Runs its body once for every element of its result. */
export interface WindowShader extends Shader<{ readonly workgroup: number }> {
  /** Loop iterations of the body. */
  iterations(info: WindowInfo): number;
}

/** Iterations of {@linkcode overTaps}, {@linkcode overWindows} and {@linkcode winner}. */
export function taps(info: WindowInfo): number {
  const deep = "inDepth" in info ? info.filterDepth : 1;
  return deep * info.filterHeight * info.filterWidth;
}

/** Iterations of {@linkcode overOutputs}. */
export function outputs(info: WindowInfo): number {
  const deep = "inDepth" in info ? info.outDepth : 1;
  return info.batchSize * deep * info.outHeight * info.outWidth;
}

/** Iterations of a loop with another one in it. */
export function nested(
  outer: (info: WindowInfo) => number,
  inner: (info: WindowInfo) => number,
): (info: WindowInfo) => number {
  return (info) => outer(info) * (1 + inner(info));
}

/**
 * A shader whose body sets `output[i]` from the buffers of `reads`, all of them float32. The name stands
 * for the code: no other shader has it.
 *
 * @param iterations of the body's loops.
 * @param functions what the body calls.
 * @param uniforms types of those beside the geometry.
 */
export function windowShader(
  name: string,
  reads: readonly string[],
  iterations: WindowShader["iterations"],
  body: string,
  functions = "",
  uniforms: Readonly<Record<string, Scalar>> = {},
): WindowShader {
  return {
    name,
    iterations,
    source: ({ workgroup }) => ({
      reads: Object.fromEntries(reads.map((buffer) => [buffer, "f32"])),
      writes: { output: "f32" },
      uniforms: { count: "u32", ...WINDOW_UNIFORMS, ...uniforms },
      code: WINDOWS + functions + flatMain(workgroup, body),
    }),
  };
}

/** The result, of a given shape, of such a shader. */
export function runWindows(
  backend: WebGpuBackend,
  shader: WindowShader,
  info: WindowInfo,
  reads: readonly tf.TensorInfo[],
  shape: readonly number[],
  uniforms: Readonly<Record<string, number>> = {},
): tf.TensorInfo {
  const output = backend.output(shape);
  const count = sizeOf(output);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: { count, ...windowValues(info), ...uniforms },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: shader.iterations(info),
  });
  return output;
}
