/**
 * 3-D convolution `[B,D,H,W,C]` by `[d,h,w,C,O]`.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
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

/** `Conv3D` and its gradients. */
export function conv3dKernels(): GpuKernel[] {
  return [
    { name: "Conv3D", run: convolution.convolve },
    { name: "Conv3DBackpropInputV2", run: convolution.inputGradient },
    { name: "Conv3DBackpropFilterV2", run: convolution.filterGradient },
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

const convolution = windowConvolution({
  geometry,
  forward: windowShader(
    "3-D convolution",
    ["x", "filters"],
    nested(taps, (info) => info.inChannels),
    `${OUTPUT_PLACE}
  var sum = 0.0;
  ${
      overTaps(`for (var q = 0; q < u.in_channels; q++) {
      sum += x[at_input(n, p, q)] * filters[(k * u.in_channels + q) * u.out_channels + c];
    }`)
    }
  output[i] = sum;`,
  ),
  inputGradient: windowShader(
    "3-D convolution's input gradient",
    ["dy", "filters"],
    nested(taps, (info) => info.outChannels),
    `${INPUT_PLACE}
  var sum = 0.0;
  ${
      overWindows(`for (var m = 0; m < u.out_channels; m++) {
      sum += dy[at_output(n, o, m)] * filters[(k * u.in_channels + c) * u.out_channels + m];
    }`)
    }
  output[i] = sum;`,
  ),
  filterGradient: windowShader(
    "3-D convolution's filter gradient",
    ["x", "dy"],
    outputs,
    `let m = i32(i) % u.out_channels;
  let q = i32(i) / u.out_channels % u.in_channels;
  let f = unravel(i32(i) / (u.out_channels * u.in_channels), window_size());
  var sum = 0.0;
  ${overOutputs("sum += x[at_input(n, p, q)] * dy[at_output(n, o, m)];")}
  output[i] = sum;`,
  ),
});
