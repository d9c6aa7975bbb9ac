/**
 * Padding: constant, of any rank, and mirrored.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { stridesOf } from "./broadcast.ts";
import { filled } from "./fill.ts";
import { copy } from "./movement.ts";

/** `PadV2`, `MirrorPad`, and the project's own `MirrorPadGrad` (lib/ops/reflect_pad.ts). */
export function padKernels(): GpuKernel[] {
  return [
    {
      name: "PadV2",
      run: ({ inputs: { x }, attrs, backend }) =>
        padded(backend, x, attrs.paddings as Paddings, attrs.constantValue as number),
    },
    { name: "MirrorPad", run: mirrorPad },
    { name: "MirrorPadGrad", run: mirrorPadGrad },
  ];
}

/** Elements to add before and after, for each axis. */
export type Paddings = [before: number, after: number][];

/** The value everywhere, and the tensor in its place. */
export function padded(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  paddings: Paddings,
  value: number,
): tf.TensorInfo {
  const shape = x.shape.map((size, k) => paddings[k][0] + size + paddings[k][1]);
  const whole = paddings.every(([before, after]) => before === 0 && after === 0);
  if (whole) return backend.alias(x, shape);
  const output = filled(backend, shape, x.dtype, value);
  const strides = stridesOf(shape);
  const offset = strides.reduce((sum, stride, k) => sum + stride * paddings[k][0], 0);
  copy(backend, x.shape, { tensor: x, strides: stridesOf(x.shape) }, {
    tensor: output,
    strides,
    offset,
  });
  return output;
}

function mirrorPad({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const paddings = attrs.paddings as Paddings;
  const shape = x.shape.map((size, k) => paddings[k][0] + size + paddings[k][1]);
  const output = backend.output(shape, x.dtype);
  run(backend, forwardShader, x, output, x.shape, paddings, attrs.mode as string);
  return output;
}

/** dy of the padded shape to dx: what fell on the padding goes back. */
function mirrorPadGrad({ inputs: { dy }, attrs, backend }: KernelCall): tf.TensorInfo {
  const paddings = attrs.paddings as Paddings;
  const shape = dy.shape.map((size, k) => size - paddings[k][0] - paddings[k][1]);
  const dx = backend.output(shape);
  run(backend, gradientShader, dy, dx, shape, paddings, attrs.mode as string);
  return dx;
}

interface MirrorVariant {
  readonly [key: string]: number;
  readonly rank: number;
  /** 0 where the border pixel is not repeated (reflect), 1 where it is (symmetric). */
  readonly repeat: number;
  readonly workgroup: number;
}

function run(
  backend: KernelCall["backend"],
  shader: Shader<MirrorVariant>,
  input: tf.TensorInfo,
  output: tf.TensorInfo,
  shape: readonly number[],
  paddings: Paddings,
  mode: string,
): void {
  const uniforms: Record<string, number> = { count: sizeOf(output) };
  shape.forEach((size, k) => {
    uniforms[`size_${k}`] = size;
    [uniforms[`before_${k}`], uniforms[`after_${k}`]] = paddings[k];
  });
  backend.run({
    shader,
    variant: {
      rank: shape.length,
      repeat: mode === "reflect" ? 0 : 1,
      workgroup: backend.tiles.flat,
    },
    reads: [input],
    writes: [output],
    uniforms,
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
}

function axes<T>(rank: number, f: (axis: number) => T): T[] {
  return Array.from({ length: rank }, (_, axis) => f(axis));
}

function uniformsOf(rank: number): Record<string, "u32" | "i32"> {
  const sizes = axes(rank, (k) => [`size_${k}`, `before_${k}`, `after_${k}`]).flat();
  return { count: "u32", ...Object.fromEntries(sizes.map((name) => [name, "i32" as const])) };
}

/** `mirror` answers the index that an index outside 0 .. size-1 stands for. */
const mirror = (repeat: number) => `
fn mirror(at: i32, size: i32) -> i32 {
  if (at < 0) { return -at - ${repeat}; }
  return select(at, 2 * size - ${2 - repeat} - at, at >= size);
}`;

const forwardShader: Shader<MirrorVariant> = {
  name: "mirror pad",
  source: ({ rank, repeat, workgroup }) => ({
    reads: { input: "u32" },
    writes: { output: "u32" },
    uniforms: uniformsOf(rank),
    code: mirror(repeat) + flatMain(
      workgroup,
      `var rest = i32(i);
  var at = 0;
  var stride = 1;
  ${
        axes(rank, (k) =>
          `{
    let padded = u.before_${k} + u.size_${k} + u.after_${k};
    at += mirror(rest % padded - u.before_${k}, u.size_${k}) * stride;
    stride *= u.size_${k};
    rest /= padded;
  }`).reverse().join("\n  ")
      }
  output[i] = input[at];`,
    ),
  }),
};

/** Each element collects from its own place and from its mirror images on either side. */
const gradientShader: Shader<MirrorVariant> = {
  name: "mirror pad's gradient",
  source: ({ rank, repeat, workgroup }) => {
    const coordinates = axes(rank, (k) => `let x${k} = rest % u.size_${k}; rest /= u.size_${k};`);
    const places = axes(rank, (k) => `
  let s${k} = array<i32, 3>(x${k}, ${repeat === 0 ? `-x${k}` : `-x${k} - 1`}, 2 * u.size_${k} - ${
      2 - repeat
    } - x${k});`);
    const loops = axes(rank, (k) => `
  for (var k${k} = 0; k${k} < 3; k${k}++) {
    let p${k} = s${k}[k${k}];
    // The two images are outside the tensor, or they are the element itself.
    if (k${k} > 0 && p${k} >= 0 && p${k} < u.size_${k}) { continue; }
    if (p${k} < -u.before_${k} || p${k} >= u.size_${k} + u.after_${k}) { continue; }`);
    const index = axes(rank, (k) => k).reduce(
      (sum, k) => `(${sum}) * (u.before_${k} + u.size_${k} + u.after_${k}) + p${k} + u.before_${k}`,
      "0",
    );
    return {
      reads: { dy: "f32" },
      writes: { dx: "f32" },
      uniforms: uniformsOf(rank),
      code: flatMain(
        workgroup,
        `var rest = i32(i);
  ${coordinates.reverse().join("\n  ")}
  ${places.join("")}
  var sum = 0.0;
  ${loops.join("")}
  sum += dy[${index}];
  ${"}".repeat(rank)}
  dx[i] = sum;`,
      ),
    };
  },
};
