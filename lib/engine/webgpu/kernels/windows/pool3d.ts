/**
 * Maximum and average pooling of volumes `[B,D,H,W,C]`, and their gradients.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import {
  INPUT_PLACE,
  nested,
  OUTPUT_PLACE,
  overTaps,
  overWindows,
  runWindows,
  taps,
  windowShader,
  winner,
} from "./windows.ts";

type Kind = "max" | "average";

/** `MaxPool3D`, `AvgPool3D`, `MaxPool3DGrad` and `AvgPool3DGrad`. */
export function pool3dKernels(): GpuKernel[] {
  return [
    { name: "MaxPool3D", run: (call) => forward(call, "max") },
    { name: "AvgPool3D", run: (call) => forward(call, "average") },
    { name: "MaxPool3DGrad", run: (call) => gradient(call, "max") },
    { name: "AvgPool3DGrad", run: (call) => gradient(call, "average") },
  ];
}

function geometry({ attrs }: KernelCall, shape: number[]) {
  return tf.backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | undefined,
    attrs.dataFormat as "NDHWC" | undefined,
  );
}

function forward(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { x } = call.inputs;
  const info = geometry(call, x.shape);
  return runWindows(call.backend, forwardShaders[kind], info, [x], info.outShape);
}

function gradient(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { dy, input } = call.inputs;
  const info = geometry(call, input.shape);
  const reads = kind === "max" ? [dy, input] : [dy];
  return runWindows(call.backend, gradientShaders[kind], info, reads, input.shape);
}

const forwardShaders = {
  max: windowShader(
    "3-D maximum pool",
    ["x"],
    taps,
    `${OUTPUT_PLACE}
  var largest = -3.4028234e38;
  ${overTaps("largest = max(largest, x[at_input(n, p, c)]);")}
  output[i] = largest;`,
  ),
  /** Counts the elements of the input alone. */
  average: windowShader(
    "3-D average pool",
    ["x"],
    taps,
    `${OUTPUT_PLACE}
  var sum = 0.0;
  var count = 0.0;
  ${
      overTaps(`sum += x[at_input(n, p, c)];
    count += 1;`)
    }
  output[i] = sum / max(count, 1);`,
  ),
};

const VALUE = `
fn value_at(n: i32, p: vec3<i32>, f: vec3<i32>, c: i32) -> f32 { return x[at_input(n, p, c)]; }`;

const gradientShaders = {
  /** Gives all to the last of its window that has the maximum, as tfjs-core defines it. */
  max: windowShader(
    "3-D maximum pool's gradient",
    ["dy", "x"],
    nested(taps, taps),
    `${INPUT_PLACE}
  var sum = 0.0;
  ${overWindows("if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }")}
  output[i] = sum;`,
    VALUE + winner("last"),
  ),
  /** Shares out by the window's size also over the border, as tfjs-core defines it. */
  average: windowShader(
    "3-D average pool's gradient",
    ["dy"],
    taps,
    `${INPUT_PLACE}
  var sum = 0.0;
  ${overWindows("sum += dy[at_output(n, o, c)];")}
  output[i] = sum / f32(volume(window_size()));`,
  ),
};
