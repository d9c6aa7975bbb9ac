/**
 * Shapes of a 2-D convolution and how its kernels name them.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { KernelCall } from "../../kernel.ts";
import type { Scalar } from "../../program.ts";
import { transposed } from "../movement.ts";

/** What tfjs-core computes from the attributes. */
export type Conv2DInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

type Shape4D = [number, number, number, number];

const LAST = [0, 2, 3, 1], FIRST = [0, 3, 1, 2];

/** Runs a convolution on images `[B,C,H,W]` as one on `[B,H,W,C]`, where the attributes ask for it. */
export function channelsLast(
  call: KernelCall,
  run: (call: KernelCall) => tf.TensorInfo,
): tf.TensorInfo {
  const { inputs, attrs, backend } = call;
  if (attrs.dataFormat !== "NCHW") return run(call);
  const images = Object.entries(inputs).filter(([name]) => name === "x" || name === "dy")
    .map(([name, image]) => [name, transposed(backend, image, LAST)] as const);
  const inputShape = attrs.inputShape as number[] | undefined;
  const result = run({
    inputs: { ...inputs, ...Object.fromEntries(images) },
    attrs: {
      ...attrs,
      dataFormat: "NHWC",
      inputShape: inputShape && LAST.map((axis) => inputShape[axis]),
      pad: Array.isArray(attrs.pad) ? LAST.map((axis) => (attrs.pad as [])[axis]) : attrs.pad,
    },
    backend,
  });
  backend.release(...images.map(([, image]) => image));
  // The gradient in the filters is no image.
  if (inputs.x && inputs.dy) return result;
  const back = transposed(backend, result, FIRST);
  backend.release(result);
  return back;
}

/** The geometry of a convolution `[B,H,W,C]` by `[h,w,C,O]`, or by `[h,w,C,M]` of each channel alone. */
export function convGeometry(
  attrs: KernelCall["attrs"],
  inShape: number[],
  filterShape: number[],
  depthwise = false,
): Conv2DInfo {
  return tf.backend_util.computeConv2DInfo(
    inShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides as number,
    attrs.dilations as number ?? 1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | undefined,
    depthwise,
    "channelsLast",
  );
}

/** Types of the uniforms that {@linkcode geometryValues} gives; signed, since padding goes below 0. */
export const GEOMETRY: Readonly<Record<string, Scalar>> = Object.fromEntries(
  [
    "batch",
    "in_height",
    "in_width",
    "in_channels",
    "out_height",
    "out_width",
    "out_channels",
    "filter_height",
    "filter_width",
    "stride_y",
    "stride_x",
    "dilation_y",
    "dilation_x",
    "top",
    "left",
  ].map((name) => [name, "i32"] as const),
);

/** The geometry as uniforms; also that of pooling. */
export function geometryValues(
  info: Omit<Conv2DInfo, "filterShape"> | ReturnType<typeof tf.backend_util.computePool2DInfo>,
): Record<string, number> {
  return {
    batch: info.batchSize,
    in_height: info.inHeight,
    in_width: info.inWidth,
    in_channels: info.inChannels,
    out_height: info.outHeight,
    out_width: info.outWidth,
    out_channels: info.outChannels,
    filter_height: info.filterHeight,
    filter_width: info.filterWidth,
    stride_y: info.strideHeight,
    stride_x: info.strideWidth,
    dilation_y: info.dilationHeight,
    dilation_x: info.dilationWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
  };
}
