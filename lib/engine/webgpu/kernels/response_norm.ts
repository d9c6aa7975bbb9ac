/**
 * Local response normalisation across channels.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `LRN` and `LRNGrad`. */
export function responseNormKernels(): GpuKernel[] {
  return [
    { name: "LRN", run: (call) => run(call, forwardShader, [call.inputs.x]) },
    {
      name: "LRNGrad",
      run: (call) => run(call, gradientShader, [call.inputs.x, call.inputs.y, call.inputs.dy]),
    },
  ];
}

function run(
  { attrs, backend }: KernelCall,
  shader: Shader<{ workgroup: number }>,
  reads: readonly tf.TensorInfo[],
): tf.TensorInfo {
  const [x] = reads;
  const output = backend.output(x.shape);
  const { depthRadius, bias, alpha, beta } = attrs as Record<string, number>;
  const within = Math.min(2 * depthRadius + 1, x.shape[x.shape.length - 1]);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: {
      count: sizeOf(x),
      channels: x.shape[x.shape.length - 1],
      radius: depthRadius,
      bias,
      alpha,
      beta,
    },
    groups: flatGroups(sizeOf(x), backend.tiles.flat),
    // The gradient asks each channel within the radius for its norm.
    iterations: within * (1 + (reads.length > 1 ? within : 0)),
  });
  return output;
}

const UNIFORMS = {
  count: "u32",
  channels: "i32",
  radius: "i32",
  bias: "f32",
  alpha: "f32",
  beta: "f32",
} as const;

/** bias + alpha * the sum of squares over the channels within the radius of c. */
const NORM = `
fn norm(pixel: i32, c: i32) -> f32 {
  var sum = 0.0;
  for (var k = max(0, c - u.radius); k <= min(u.channels - 1, c + u.radius); k++) {
    sum += x[pixel + k] * x[pixel + k];
  }
  return u.bias + u.alpha * sum;
}`;

/** y = x norm^-beta. */
const forwardShader: Shader<{ workgroup: number }> = {
  name: "response normalisation",
  source: ({ workgroup }) => ({
    reads: { x: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: NORM + flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  output[i] = x[i] * pow(norm(i32(i) - c, c), -u.beta);`,
    ),
  }),
};

/** dx_c = dy_c norm_c^-beta - 2 alpha beta x_c sum_k dy_k y_k / norm_k, k within the radius of c. */
const gradientShader: Shader<{ workgroup: number }> = {
  name: "response normalisation's gradient",
  source: ({ workgroup }) => ({
    reads: { x: "f32", y: "f32", dy: "f32" },
    writes: { dx: "f32" },
    uniforms: UNIFORMS,
    code: NORM + flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  let pixel = i32(i) - c;
  var sum = 0.0;
  for (var k = max(0, c - u.radius); k <= min(u.channels - 1, c + u.radius); k++) {
    sum += dy[pixel + k] * y[pixel + k] / norm(pixel, k);
  }
  dx[i] = dy[i] * pow(norm(pixel, c), -u.beta) - 2 * u.alpha * u.beta * x[i] * sum;`,
    ),
  }),
};
