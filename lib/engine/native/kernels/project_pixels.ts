/**
 * Where pixels of known depth lie in another view, and the gradients of those positions.
 *
 * @module
 */

import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `ProjectPixels` and `ProjectPixelsGrad`, kernels of this project (lib/ops/project_pixels.ts). */
export function projectPixelsKernels(): NativeKernel[] {
  const sizes = new Int32Array(3);
  return [
    { name: "ProjectPixels", run: (call) => project(call, sizes) },
    { name: "ProjectPixelsGrad", run: (call) => gradient(call, sizes) },
  ];
}

function project({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { disparity, projection } = inputs;
  const [batch, height, width] = disparity.shape;
  sizes.set([batch, height, width]);
  const output = backend.output([batch, height, width, 2]);
  backend.library.check(backend.library.symbols.cpcdr_project_pixels(
    backend.floats(disparity),
    backend.floats(projection),
    output.values,
    sizes,
    attrs.least as number,
  ));
  return output.info;
}

/** Of the input that the attribute `of` names. */
function gradient({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { dy, disparity, projection } = inputs;
  sizes.set(disparity.shape.slice(0, 3));
  const ofDisparity = attrs.of === "disparity";
  const output = backend.output((ofDisparity ? disparity : projection).shape);
  backend.library.check(backend.library.symbols.cpcdr_project_pixels_grad(
    backend.floats(dy),
    backend.floats(disparity),
    backend.floats(projection),
    ofDisparity ? output.values : null,
    ofDisparity ? null : output.values,
    sizes,
    attrs.least as number,
  ));
  return output.info;
}
