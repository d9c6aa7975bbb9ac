/**
 * Maximum and average pooling `[B,H,W,C]`.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

/** `MaxPool`, `AvgPool` and their gradients. */
export function poolKernels(): NativeKernel[] {
  const sizes = new Int32Array(14);
  return [
    { name: "MaxPool", run: (call) => pool(call, "cpcdr_max_pool", sizes) },
    { name: "AvgPool", run: (call) => pool(call, "cpcdr_avg_pool", sizes) },
    { name: "MaxPoolGrad", run: (call) => maxPoolGrad(call, sizes) },
    { name: "AvgPoolGrad", run: (call) => avgPoolGrad(call, sizes) },
  ];
}

function pool(
  { inputs: { x }, attrs, backend }: KernelCall,
  symbol: "cpcdr_max_pool" | "cpcdr_avg_pool",
  sizes: Int32Array<ArrayBuffer>,
) {
  if (!areFloats(x)) return undefined;
  const outShape = fillSizes(sizes, x.shape, attrs);
  if (!outShape) return undefined;
  const output = backend.output(outShape);
  const { library } = backend;
  library.check(library.symbols[symbol](backend.floats(x), output.values, sizes));
  return output.info;
}

function maxPoolGrad({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, input } = inputs;
  if (!areFloats(dy, input) || !fillSizes(sizes, input.shape, attrs)) return undefined;
  const dx = backend.output(input.shape);
  backend.library.check(backend.library.symbols.cpcdr_max_pool_grad(
    backend.floats(dy),
    backend.floats(input),
    dx.values,
    sizes,
  ));
  return dx.info;
}

/** As tfjs-core defines it: a window shares out by the filter's size, also over the border. */
function avgPoolGrad({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, input } = inputs;
  if (!areFloats(dy, input) || !fillSizes(sizes, input.shape, attrs)) return undefined;
  const dx = backend.output(input.shape);
  const { library } = backend;
  library.check(library.symbols.cpcdr_avg_pool_grad(backend.floats(dy), dx.values, sizes));
  return dx.info;
}

/** The sizes in the order of cpcdr.h; answers the output's shape, undefined where it is empty. */
function fillSizes(
  sizes: Int32Array,
  shape: readonly number[],
  attrs: KernelCall["attrs"],
): number[] | undefined {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as {
    filterSize: number | [number, number];
    strides: number | [number, number];
    pad: number | "same" | "valid";
    dimRoundingMode?: "floor" | "round" | "ceil";
  };
  const info = tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  // tfjs takes a 1x1 window for the identity, whatever its padding.
  const trivial = info.filterHeight === 1 && info.filterWidth === 1;
  if (trivial || info.outHeight < 1 || info.outWidth < 1) return undefined;
  sizes[0] = info.batchSize;
  sizes[1] = info.inHeight;
  sizes[2] = info.inWidth;
  sizes[3] = info.inChannels;
  sizes[4] = info.outHeight;
  sizes[5] = info.outWidth;
  sizes[6] = info.filterHeight;
  sizes[7] = info.filterWidth;
  sizes[8] = info.strideHeight;
  sizes[9] = info.strideWidth;
  sizes[10] = info.dilationHeight;
  sizes[11] = info.dilationWidth;
  sizes[12] = info.padInfo.top;
  sizes[13] = info.padInfo.left;
  return info.outShape;
}
