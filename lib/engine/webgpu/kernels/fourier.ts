/**
 * Discrete Fourier transforms along the last axis, as they are defined: nothing here needs a fast one.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `FFT` and `IFFT`. */
export function fourierKernels(): GpuKernel[] {
  return [
    { name: "FFT", run: (call) => transform(call, 1) },
    { name: "IFFT", run: (call) => transform(call, -1) },
  ];
}

/** The inverse has the other sign and is divided by the length. */
function transform(
  { inputs: { input }, backend }: KernelCall,
  sign: 1 | -1,
): tf.TensorInfo {
  const count = sizeOf(input), length = input.shape[input.shape.length - 1];
  // Sines of the GPU may be off by 5e-4.
  const turn = (f: (angle: number) => number) =>
    Float32Array.from({ length }, (_, k) => f(-sign * 2 * Math.PI * k / length));
  const circle = [Math.cos, Math.sin].map((f) => backend.known([length], "float32", turn(f)));
  const parts = [backend.output(input.shape), backend.output(input.shape)] as const;
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads: [...backend.partsOf(input), ...circle],
    writes: parts,
    uniforms: { count, length, scale: sign === 1 ? 1 : 1 / length },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: length,
  });
  const result = backend.complex(parts);
  backend.release(...circle, ...parts);
  return result;
}

const shader: Shader<{ workgroup: number }> = {
  name: "fourier transform",
  source: ({ workgroup }) => ({
    reads: { real: "f32", imaginary: "f32", cosines: "f32", sines: "f32" },
    writes: { out_real: "f32", out_imaginary: "f32" },
    uniforms: { count: "u32", length: "u32", scale: "f32" },
    code: flatMain(
      workgroup,
      `let frequency = i % u.length;
  let base = i - frequency;
  var sum = vec2<f32>();
  var turn = 0u;
  for (var k = 0u; k < u.length; k++) {
    let x = vec2<f32>(real[base + k], imaginary[base + k]);
    let c = cosines[turn];
    let s = sines[turn];
    sum += vec2<f32>(x.x * c - x.y * s, x.x * s + x.y * c);
    turn += frequency;
    if (turn >= u.length) { turn -= u.length; }
  }
  out_real[i] = sum.x * u.scale;
  out_imaginary[i] = sum.y * u.scale;`,
    ),
  }),
};
