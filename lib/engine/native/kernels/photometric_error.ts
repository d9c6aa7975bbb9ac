/**
 * Photometric error of images, and its gradient.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `PhotometricError` and `PhotometricErrorGrad`, kernels of this project (lib/ops/photometric_error.ts). */
export function photometricErrorKernels(): NativeKernel[] {
  const sizes = new Int32Array(5);
  return [
    { name: "PhotometricError", run: (call) => error(call, sizes) },
    { name: "PhotometricErrorGrad", run: (call) => gradient(call, sizes) },
  ];
}

function error({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { views, target } = inputs;
  fillSizes(sizes, views, target);
  const output = backend.output(views.shape.slice(0, 3));
  backend.library.check(backend.library.symbols.cpcdr_photometric_error(
    backend.floats(views),
    backend.floats(target),
    output.values,
    sizes,
    attrs.ssimWeight as number,
  ));
  return output.info;
}

function gradient({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, views, target } = inputs;
  fillSizes(sizes, views, target);
  const output = backend.output(views.shape);
  backend.library.check(backend.library.symbols.cpcdr_photometric_error_grad(
    backend.floats(dy),
    backend.floats(views),
    backend.floats(target),
    output.values,
    sizes,
    attrs.ssimWeight as number,
  ));
  return output.info;
}

function fillSizes(sizes: Int32Array, views: tf.TensorInfo, target: tf.TensorInfo): void {
  const [count, height, width, channels] = views.shape;
  sizes.set([count, target.shape[0], height, width, channels]);
}
