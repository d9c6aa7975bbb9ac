/**
 * 3-D convolution `[B,D,H,W,C]` by `[d,h,w,C,O]`.
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
} from "./windows.ts";

/** `Conv3D` and its gradients. */
export function conv3dKernels(): GpuKernel[] {
  return [
    { name: "Conv3D", run: convolve },
    { name: "Conv3DBackpropInputV2", run: inputGradient },
    { name: "Conv3DBackpropFilterV2", run: filterGradient },
  ];
}

type Shape5D = [number, number, number, number, number];

function geometry(attrs: KernelCall["attrs"], inShape: number[], filterShape: number[]) {
  return tf.backend_util.computeConv3DInfo(
    inShape as Shape5D,
    filterShape as Shape5D,
    attrs.strides as number,
    attrs.dilations as number ?? 1,
    attrs.pad as "same",
  );
}

function run(
  { backend }: KernelCall,
  shader: Shader<{ workgroup: number }>,
  info: ReturnType<typeof geometry>,
  reads: readonly tf.TensorInfo[],
  shape: readonly number[],
): tf.TensorInfo {
  const output = backend.output(shape);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: { count: sizeOf(output), ...windowValues(info) },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

function convolve(call: KernelCall): tf.TensorInfo {
  const { inputs: { x, filter }, attrs } = call;
  const info = geometry(attrs, x.shape, filter.shape);
  return run(call, forwardShader, info, [x, filter], info.outShape);
}

function inputGradient(call: KernelCall): tf.TensorInfo {
  const { inputs: { dy, filter }, attrs } = call;
  const info = geometry(attrs, attrs.inputShape as number[], filter.shape);
  return run(call, inputShader, info, [dy, filter], info.inShape);
}

function filterGradient(call: KernelCall): tf.TensorInfo {
  const { inputs: { x, dy }, attrs } = call;
  const info = geometry(attrs, x.shape, attrs.filterShape as number[]);
  return run(call, filterShader, info, [x, dy], attrs.filterShape as number[]);
}

const UNIFORMS = { count: "u32", ...WINDOW_UNIFORMS } as const;

const forwardShader: Shader<{ workgroup: number }> = {
  name: "3-D convolution",
  source: ({ workgroup }) => ({
    reads: { x: "f32", filters: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `${OUTPUT_PLACE}
  var sum = 0.0;
  ${
        overTaps(`for (var q = 0; q < u.in_channels; q++) {
      sum += x[at_input(n, p, q)] * filters[(k * u.in_channels + q) * u.out_channels + c];
    }`)
      }
  output[i] = sum;`,
    ),
  }),
};

const inputShader: Shader<{ workgroup: number }> = {
  name: "3-D convolution's input gradient",
  source: ({ workgroup }) => ({
    reads: { dy: "f32", filters: "f32" },
    writes: { dx: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `${INPUT_PLACE}
  var sum = 0.0;
  ${
        overWindows(`for (var m = 0; m < u.out_channels; m++) {
      sum += dy[at_output(n, o, m)] * filters[(k * u.in_channels + c) * u.out_channels + m];
    }`)
      }
  dx[i] = sum;`,
    ),
  }),
};

const filterShader: Shader<{ workgroup: number }> = {
  name: "3-D convolution's filter gradient",
  source: ({ workgroup }) => ({
    reads: { x: "f32", dy: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `let m = i32(i) % u.out_channels;
  let q = i32(i) / u.out_channels % u.in_channels;
  let f = unravel(i32(i) / (u.out_channels * u.in_channels), window_size());
  var sum = 0.0;
  ${overOutputs("sum += x[at_input(n, p, q)] * dy[at_output(n, o, m)];")}
  output[i] = sum;`,
    ),
  }),
};
