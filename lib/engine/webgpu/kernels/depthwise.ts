/**
 * Depthwise convolution `[B,H,W,C]` by `[h,w,C,M]`: each channel has M filters of its own.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { channelsLast } from "./conv_geometry.ts";
import { finish } from "./finish.ts";
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

/** `DepthwiseConv2dNative`, `FusedDepthwiseConv2D` and the gradients. */
export function depthwiseKernels(): GpuKernel[] {
  return [
    { name: "DepthwiseConv2dNative", run: (call) => channelsLast(call, convolve) },
    { name: "FusedDepthwiseConv2D", run: fused },
    { name: "DepthwiseConv2dNativeBackpropInput", run: inputGradient },
    { name: "DepthwiseConv2dNativeBackpropFilter", run: filterGradient },
  ];
}

type Shape4D = [number, number, number, number];

function geometry(attrs: KernelCall["attrs"], inShape: number[], filterShape: number[]) {
  return tf.backend_util.computeConv2DInfo(
    inShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides as number,
    attrs.dilations as number ?? 1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | undefined,
    true,
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
    uniforms: {
      count: sizeOf(output),
      each: info.outChannels / info.inChannels,
      ...windowValues(info),
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

function convolve(call: KernelCall): tf.TensorInfo {
  const { inputs: { x, filter }, attrs } = call;
  const info = geometry(attrs, x.shape, filter.shape);
  return run(call, forwardShader, info, [x, filter], info.outShape);
}

function fused(call: KernelCall): tf.TensorInfo {
  const { inputs: { bias, preluActivationWeights: prelu }, attrs, backend } = call;
  return finish(backend, channelsLast(call, convolve), {
    bias,
    prelu,
    activation: attrs.activation as string | undefined,
    alpha: attrs.leakyreluAlpha as number | undefined,
  });
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

const UNIFORMS = { count: "u32", each: "i32", ...WINDOW_UNIFORMS } as const;

/** Output channel c is filter c % each of input channel c / each; filters lie in the same order. */
const forwardShader: Shader<{ workgroup: number }> = {
  name: "depthwise convolution",
  source: ({ workgroup }) => ({
    reads: { x: "f32", filters: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `${OUTPUT_PLACE}
  var sum = 0.0;
  ${overTaps("sum += x[at_input(n, p, c / u.each)] * filters[k * u.out_channels + c];")}
  output[i] = sum;`,
    ),
  }),
};

const inputShader: Shader<{ workgroup: number }> = {
  name: "depthwise convolution's input gradient",
  source: ({ workgroup }) => ({
    reads: { dy: "f32", filters: "f32" },
    writes: { dx: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `${INPUT_PLACE}
  var sum = 0.0;
  ${
        overWindows(`for (var m = c * u.each; m < (c + 1) * u.each; m++) {
      sum += dy[at_output(n, o, m)] * filters[k * u.out_channels + m];
    }`)
      }
  dx[i] = sum;`,
    ),
  }),
};

const filterShader: Shader<{ workgroup: number }> = {
  name: "depthwise convolution's filter gradient",
  source: ({ workgroup }) => ({
    reads: { x: "f32", dy: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `let c = i32(i) % u.out_channels;
  let f = unravel(i32(i) / u.out_channels, window_size());
  var sum = 0.0;
  ${overOutputs("sum += x[at_input(n, p, c / u.each)] * dy[at_output(n, o, c)];")}
  output[i] = sum;`,
    ),
  }),
};
