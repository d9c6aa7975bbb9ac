/**
 * 2-D convolution `[B,H,W,C]` with filters `[h,w,C,O]`: forward, fused, and both gradients.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Precision } from "../../precision.ts";
import type { NativeBackend } from "../backend.ts";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";
import { activationCode } from "./activation.ts";

type Conv2DInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

interface ConvAttrs {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  readonly dataFormat: string;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
  readonly inputShape?: [number, number, number, number];
  readonly filterShape?: [number, number, number, number];
}

/** As cpcdr.h has them. */
const PRECISIONS: Readonly<Record<Precision, number>> = { float32: 0, mixed: 1 };

/** Larger filters go to tfjs-backend-cpu. */
const LARGEST_FILTER = 31;

/** `Conv2D`, `FusedConv2D`, `Conv2DBackpropInput` and `Conv2DBackpropFilter`. */
export function convKernels(): NativeKernel[] {
  const sizes = new Int32Array(17);
  return [
    { name: "Conv2D", run: (call) => forward(call, sizes) },
    { name: "FusedConv2D", run: (call) => forward(call, sizes) },
    { name: "Conv2DBackpropInput", run: (call) => inputGradient(call, sizes) },
    { name: "Conv2DBackpropFilter", run: (call) => filterGradient(call, sizes) },
  ];
}

function forward({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { x, filter, bias, preluActivationWeights } = inputs;
  const conv = attrs as unknown as ConvAttrs;
  const code = activationCode(conv.activation);
  if (!areFloats(x, filter, bias) || preluActivationWeights || code === undefined) return undefined;
  const info = convInfo(x.shape, filter.shape, conv);
  if (!info || (bias && tf.util.sizeFromShape(bias.shape) !== info.outChannels)) return undefined;
  const y = backend.output(info.outShape);
  fill(sizes, info, code, backend);
  backend.library.check(backend.library.symbols.cpcdr_conv2d(
    backend.floats(x),
    backend.floats(filter),
    bias ? backend.floats(bias) : null,
    y.values,
    sizes,
    conv.leakyreluAlpha ?? 0,
  ));
  return y.info;
}

function inputGradient({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, filter } = inputs;
  const conv = attrs as unknown as ConvAttrs;
  if (!areFloats(dy, filter)) return undefined;
  const info = convInfo(conv.inputShape!, filter.shape, conv);
  // conv2dTranspose accepts a dy of another size than the convolution would give.
  if (!info || !tf.util.arraysEqual(dy.shape, info.outShape)) return undefined;
  const dx = backend.output(info.inShape);
  fill(sizes, info, 0, backend);
  backend.library.check(backend.library.symbols.cpcdr_conv2d_input_grad(
    backend.floats(dy),
    backend.floats(filter),
    dx.values,
    sizes,
  ));
  return dx.info;
}

function filterGradient({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { x, dy } = inputs;
  const conv = attrs as unknown as ConvAttrs;
  if (!areFloats(x, dy)) return undefined;
  const info = convInfo(x.shape, conv.filterShape!, conv);
  if (!info || !tf.util.arraysEqual(dy.shape, info.outShape)) return undefined;
  const gradient = backend.output(info.filterShape);
  fill(sizes, info, 0, backend);
  backend.library.check(backend.library.symbols.cpcdr_conv2d_filter_grad(
    backend.floats(x),
    backend.floats(dy),
    gradient.values,
    sizes,
  ));
  return gradient.info;
}

/** The geometry of the convolution; undefined where the library does not compute it. */
function convInfo(inShape: number[], filterShape: number[], attrs: ConvAttrs) {
  if (attrs.dataFormat !== "NHWC") return undefined;
  const info = tf.backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    "channelsLast",
  );
  const fits = info.filterHeight <= LARGEST_FILTER && info.filterWidth <= LARGEST_FILTER &&
    info.outHeight > 0 && info.outWidth > 0 && info.inChannels === filterShape[2] &&
    info.padInfo.top >= 0 && info.padInfo.left >= 0;
  return fits ? info : undefined;
}

/** The sizes in the order of cpcdr.h. */
function fill(
  sizes: Int32Array,
  info: Conv2DInfo,
  activation: number,
  { precision }: NativeBackend,
): void {
  sizes[0] = info.batchSize;
  sizes[1] = info.inHeight;
  sizes[2] = info.inWidth;
  sizes[3] = info.inChannels;
  sizes[4] = info.filterHeight;
  sizes[5] = info.filterWidth;
  sizes[6] = info.outHeight;
  sizes[7] = info.outWidth;
  sizes[8] = info.outChannels;
  sizes[9] = info.strideHeight;
  sizes[10] = info.strideWidth;
  sizes[11] = info.dilationHeight;
  sizes[12] = info.dilationWidth;
  sizes[13] = info.padInfo.top;
  sizes[14] = info.padInfo.left;
  sizes[15] = activation;
  sizes[16] = PRECISIONS[precision];
}
