/**
 * Direct alignment of two frames by their brightness.
 *
 * @module
 */

import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `AlignMotion` and `AlignmentError`, kernels of this project (lib/depth/alignment.ts). */
export function alignmentKernels(): NativeKernel[] {
  const sizes = new Int32Array(4);
  return [
    { name: "AlignMotion", run: (call) => align(call, sizes) },
    { name: "AlignmentError", run: (call) => error(call, sizes) },
  ];
}

function align(call: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { inputs, attrs: { iterations, huber, damping }, backend } = call;
  const output = backend.output(inputs.motion.shape);
  sizes.set([...inputs.target.shape.slice(0, 3), iterations as number]);
  backend.library.check(backend.library.symbols.cpcdr_align_motion(
    ...arrays(call),
    output.values,
    sizes,
    huber as number,
    damping as number,
  ));
  return output.info;
}

function error(call: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { inputs: { target }, attrs: { huber }, backend } = call;
  const output = backend.output([target.shape[0]]);
  sizes.set(target.shape.slice(0, 3));
  backend.library.check(backend.library.symbols.cpcdr_alignment_error(
    ...arrays(call),
    output.values,
    sizes,
    huber as number,
  ));
  return output.info;
}

/** The inputs in the order of cpcdr.h. */
function arrays({ inputs: { target, source, disparity, camera, motion }, backend }: KernelCall) {
  return [
    backend.floats(target),
    backend.floats(source),
    backend.floats(disparity),
    backend.floats(camera),
    backend.floats(motion),
  ] as const;
}
