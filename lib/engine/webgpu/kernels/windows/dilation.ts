/**
 * Grey dilation `[B,H,W,C]` by `[h,w,C]`: the largest sum of a pixel and the filter's value under it.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import {
  INPUT_PLACE,
  nested,
  OUTPUT_PLACE,
  outputs,
  overOutputs,
  overTaps,
  overWindows,
  runWindows,
  taps,
  type WindowShader,
  windowShader,
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
  shader: WindowShader,
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
  const reads = like ? [x, filter, dy] : [x, filter];
  return runWindows(backend, shader, info, reads, like ? like.shape : info.outShape);
}

const VALUE = `
fn value_at(n: i32, p: vec3<i32>, f: vec3<i32>, c: i32) -> f32 {
  return x[at_input(n, p, c)] + filters[ravel(f, window_size()) * u.in_channels + c];
}`;

const forwardShader = windowShader(
  "dilation",
  ["x", "filters"],
  taps,
  `${OUTPUT_PLACE}
  var largest = -3.4028234e38;
  ${overTaps("largest = max(largest, value_at(n, p, f, c));")}
  output[i] = largest;`,
  VALUE,
);

/** All goes to the first pixel that has the largest sum. */
const inputShader = windowShader(
  "dilation's input gradient",
  ["x", "filters", "dy"],
  nested(taps, taps),
  `${INPUT_PLACE}
  var sum = 0.0;
  ${overWindows("if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }")}
  output[i] = sum;`,
  VALUE + winner("first"),
);

const filterShader = windowShader(
  "dilation's filter gradient",
  ["x", "filters", "dy"],
  nested(outputs, taps),
  `let c = i32(i) % u.in_channels;
  let k = i32(i) / u.in_channels;
  let f = unravel(k, window_size());
  var sum = 0.0;
  ${overOutputs("if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }")}
  output[i] = sum;`,
  VALUE + winner("first"),
);
