/**
 * Grey dilation `[B,H,W,C]` by `[h,w,C]`: the largest sum of a pixel and the filter's value under it.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import {
  INPUT_PLACE,
  OUTPUT_PLACE,
  overOutputs,
  overTaps,
  overWindows,
  WINDOW_UNIFORMS,
  WINDOWS,
  windowValues,
  winner,
} from "./windows.ts";

/** `Dilation2D` and its gradients. */
export function dilationKernels(): GpuKernel[] {
  return [
    { name: "Dilation2D", run: (call) => run(call, forwardShader) },
    { name: "Dilation2DBackpropInput", run: (call) => run(call, inputShader, call.inputs.x) },
    {
      name: "Dilation2DBackpropFilter",
      run: (call) => run(call, filterShader, call.inputs.filter),
    },
  ];
}

/** Shape rule: a convolution's, or that of what the gradient is for. */
function run(
  { inputs: { x, filter, dy }, attrs, backend }: KernelCall,
  shader: Shader<{ workgroup: number }>,
  like?: tf.TensorInfo,
): tf.TensorInfo {
  const info = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    attrs.strides as number,
    attrs.pad as "same",
    "NHWC",
    attrs.dilations as number,
  );
  const output = backend.output(like ? like.shape : info.outShape);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads: like ? [x, filter, dy] : [x, filter],
    writes: [output],
    uniforms: { count: sizeOf(output), ...windowValues(info) },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

const UNIFORMS = { count: "u32", ...WINDOW_UNIFORMS } as const;

const VALUE = `
fn value_at(n: i32, p: vec3<i32>, f: vec3<i32>, c: i32) -> f32 {
  return x[at_input(n, p, c)] + filters[ravel(f, window_size()) * u.in_channels + c];
}`;

const forwardShader: Shader<{ workgroup: number }> = {
  name: "dilation",
  source: ({ workgroup }) => ({
    reads: { x: "f32", filters: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + VALUE + flatMain(
      workgroup,
      `${OUTPUT_PLACE}
  var largest = -3.4028234e38;
  ${overTaps("largest = max(largest, value_at(n, p, f, c));")}
  output[i] = largest;`,
    ),
  }),
};

/** All goes to the first pixel that has the largest sum. */
const inputShader: Shader<{ workgroup: number }> = {
  name: "dilation's input gradient",
  source: ({ workgroup }) => ({
    reads: { x: "f32", filters: "f32", dy: "f32" },
    writes: { dx: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + VALUE + winner("first") + flatMain(
      workgroup,
      `${INPUT_PLACE}
  var sum = 0.0;
  ${overWindows("if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }")}
  dx[i] = sum;`,
    ),
  }),
};

const filterShader: Shader<{ workgroup: number }> = {
  name: "dilation's filter gradient",
  source: ({ workgroup }) => ({
    reads: { x: "f32", filters: "f32", dy: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + VALUE + winner("first") + flatMain(
      workgroup,
      `let c = i32(i) % u.in_channels;
  let k = i32(i) / u.in_channels;
  let f = unravel(k, window_size());
  var sum = 0.0;
  ${overOutputs("if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }")}
  output[i] = sum;`,
    ),
  }),
};
