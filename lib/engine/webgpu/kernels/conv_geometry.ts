/**
 * Shapes of a 2-D convolution and how its kernels name them.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../errors.ts";
import type { KernelCall } from "../kernel.ts";
import type { Scalar } from "../program.ts";

/** What tfjs-core computes from the attributes. */
export type Conv2DInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

type Shape4D = [number, number, number, number];

/**
 * The geometry of a convolution `[B,H,W,C]` by `[h,w,C,O]`.
 *
 * @throws {DeviceError} for images with their channels first.
 */
export function convGeometry(
  attrs: KernelCall["attrs"],
  inShape: number[],
  filterShape: number[],
  depthwise = false,
): Conv2DInfo {
  const { dataFormat = "NHWC" } = attrs as { dataFormat?: string };
  if (dataFormat !== "NHWC") {
    throw new DeviceError(
      `Cannot convolve: expected dataFormat NHWC, got ${dataFormat}; transpose the images`,
    );
  }
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
