/**
 * Structural similarity of images over 3x3 windows, and its gradient.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `Ssim` and `SsimGrad`, kernels of this project (lib/ops/ssim.ts). */
export function ssimKernels(): NativeKernel[] {
  const sizes = new Int32Array(5);
  return [
    { name: "Ssim", run: (call) => similarity(call, sizes) },
    { name: "SsimGrad", run: (call) => gradient(call, sizes) },
  ];
}

function similarity({ inputs: { a, b }, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  fillSizes(sizes, a, b);
  const output = backend.output(a.shape);
  backend.library.check(backend.library.symbols.cpcdr_ssim(
    backend.floats(a),
    backend.floats(b),
    output.values,
    sizes,
  ));
  return output.info;
}

function gradient({ inputs: { dy, a, b }, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  fillSizes(sizes, a, b);
  const output = backend.output(a.shape);
  backend.library.check(backend.library.symbols.cpcdr_ssim_grad(
    backend.floats(dy),
    backend.floats(a),
    backend.floats(b),
    output.values,
    sizes,
  ));
  return output.info;
}

function fillSizes(sizes: Int32Array, a: tf.TensorInfo, b: tf.TensorInfo): void {
  const [count, height, width, channels] = a.shape;
  sizes.set([count, b.shape[0], height, width, channels]);
}
