/**
 * Bilinear sampling of images at positions in pixels, and its gradients.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `GridSample` and `GridSampleGrad`, kernels of this project (lib/ops/grid_sample.ts). */
export function gridSampleKernels(): NativeKernel[] {
  const sizes = new Int32Array(7);
  return [
    { name: "GridSample", run: (call) => sample(call, sizes) },
    { name: "GridSampleGrad", run: (call) => gradient(call, sizes) },
  ];
}

function sample(
  { inputs: { x, grid }, attrs, backend }: KernelCall,
  sizes: Int32Array<ArrayBuffer>,
) {
  fillSizes(sizes, x, grid, attrs);
  const output = backend.output([x.shape[0], grid.shape[1], grid.shape[2], x.shape[3]]);
  backend.library.check(backend.library.symbols.cpcdr_grid_sample(
    backend.floats(x),
    backend.floats(grid),
    output.values,
    sizes,
  ));
  return output.info;
}

/** `[dx, dgrid]`, or one of them alone where the attribute `of` is "x" or "grid". */
function gradient({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, x, grid } = inputs;
  fillSizes(sizes, x, grid, attrs);
  const dx = attrs.of === "grid" ? undefined : backend.output(x.shape);
  const dgrid = attrs.of === "x" ? undefined : backend.output(grid.shape);
  backend.library.check(backend.library.symbols.cpcdr_grid_sample_grad(
    backend.floats(dy),
    backend.floats(x),
    backend.floats(grid),
    dx?.values ?? null,
    dgrid?.values ?? null,
    sizes,
  ));
  return [dx, dgrid].flatMap((output) => output ? [output.info] : []);
}

function fillSizes(
  sizes: Int32Array,
  x: tf.TensorInfo,
  grid: tf.TensorInfo,
  attrs: KernelCall["attrs"],
): void {
  sizes.set([...x.shape, grid.shape[1], grid.shape[2], Number(attrs.padding === "zeros")]);
}
