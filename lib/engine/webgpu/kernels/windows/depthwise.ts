/**
 * Depthwise convolution `[B,H,W,C]` by `[h,w,C,M]`: each channel has M filters of its own.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import { channelsLast, convGeometry } from "../conv/geometry.ts";
import { finish } from "../matmul/finish.ts";
import { windowConvolution } from "./convolution.ts";
import {
  INPUT_PLACE,
  nested,
  OUTPUT_PLACE,
  outputs,
  overOutputs,
  overTaps,
  overWindows,
  taps,
  windowShader,
} from "./windows.ts";

/** `DepthwiseConv2dNative`, `FusedDepthwiseConv2D` and the gradients. */
export function depthwiseKernels(): GpuKernel[] {
  const { inputGradient, filterGradient } = convolution;
  return [
    { name: "DepthwiseConv2dNative", run: convolve },
    { name: "FusedDepthwiseConv2D", run: fused },
    { name: "DepthwiseConv2dNativeBackpropInput", run: inputGradient },
    { name: "DepthwiseConv2dNativeBackpropFilter", run: filterGradient },
  ];
}

function convolve(call: KernelCall): tf.TensorInfo {
  return channelsLast(call, convolution.convolve);
}

function fused(call: KernelCall): tf.TensorInfo {
  return finish(call, convolve(call));
}

/** Filters of a channel: output channel c is filter c % each of input channel c / each, in order. */
const EACH = { each: "i32" } as const;

const convolution = windowConvolution({
  geometry: (attrs, inShape, filterShape) => convGeometry(attrs, inShape, filterShape, true),
  uniforms: ({ inChannels, outChannels }) => ({ each: outChannels / inChannels }),
  forward: windowShader(
    "depthwise convolution",
    ["x", "filters"],
    taps,
    `${OUTPUT_PLACE}
  var sum = 0.0;
  ${overTaps("sum += x[at_input(n, p, c / u.each)] * filters[k * u.out_channels + c];")}
  output[i] = sum;`,
    "",
    EACH,
  ),
  inputGradient: windowShader(
    "depthwise convolution's input gradient",
    ["dy", "filters"],
    nested(taps, ({ outChannels, inChannels }) => outChannels / inChannels),
    `${INPUT_PLACE}
  var sum = 0.0;
  ${
      overWindows(`for (var m = c * u.each; m < (c + 1) * u.each; m++) {
      sum += dy[at_output(n, o, m)] * filters[k * u.out_channels + m];
    }`)
    }
  output[i] = sum;`,
    "",
    EACH,
  ),
  filterGradient: windowShader(
    "depthwise convolution's filter gradient",
    ["x", "dy"],
    outputs,
    `let c = i32(i) % u.out_channels;
  let f = unravel(i32(i) / u.out_channels, window_size());
  var sum = 0.0;
  ${overOutputs("sum += x[at_input(n, p, c / u.each)] * dy[at_output(n, o, c)];")}
  output[i] = sum;`,
    "",
    EACH,
  ),
});
