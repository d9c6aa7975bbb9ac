/**
 * Bilinear and nearest resizing `[B,H,W,C]`.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { Symbols } from "../symbols.ts";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

type Resize =
  | "cpcdr_resize_bilinear"
  | "cpcdr_resize_bilinear_grad"
  | "cpcdr_resize_nearest"
  | "cpcdr_resize_nearest_grad";

/**
 * `ResizeBilinear`, `ResizeNearestNeighbor` and their gradients. tfjs-backend-cpu's gradients know no
 * half pixel centres; these do.
 */
export function resizeKernels(): NativeKernel[] {
  const sizes = new Int32Array(8);
  const forward = (call: KernelCall, symbol: Resize) => {
    const { images } = call.inputs;
    const [height, width] = call.attrs.size as [number, number];
    const [batch, , , channels] = images.shape;
    const outShape = [batch, height, width, channels];
    return resize(call, symbol, images, outShape, images.shape, outShape, sizes);
  };
  const backward = (call: KernelCall, symbol: Resize) => {
    const { dy, images } = call.inputs;
    return resize(call, symbol, dy, images.shape, images.shape, dy.shape, sizes);
  };
  return [
    { name: "ResizeBilinear", run: (call) => forward(call, "cpcdr_resize_bilinear") },
    { name: "ResizeNearestNeighbor", run: (call) => forward(call, "cpcdr_resize_nearest") },
    { name: "ResizeBilinearGrad", run: (call) => backward(call, "cpcdr_resize_bilinear_grad") },
    {
      name: "ResizeNearestNeighborGrad",
      run: (call) => backward(call, "cpcdr_resize_nearest_grad"),
    },
  ];
}

function resize(
  { attrs, backend }: KernelCall,
  symbol: Resize & keyof Symbols,
  source: tf.TensorInfo,
  targetShape: readonly number[],
  [batch, height, width, channels]: readonly number[],
  [, outHeight, outWidth]: readonly number[],
  sizes: Int32Array<ArrayBuffer>,
) {
  if (!areFloats(source) || targetShape.includes(0)) return undefined;
  const output = backend.output(targetShape);
  const { alignCorners, halfPixelCenters } = attrs;
  sizes.set([
    batch,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    Number(alignCorners ?? false),
    Number(halfPixelCenters ?? false),
  ]);
  const { library } = backend;
  library.check(library.symbols[symbol](backend.floats(source), output.values, sizes));
  return output.info;
}
