/**
 * Kernels that give the same values another shape, or none at all.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, sizeOf } from "../kernel.ts";

/** `Identity`, `Reshape` and `ExpandDims`: no element is touched. */
export function reshapeKernels(): GpuKernel[] {
  return [
    { name: "Identity", run: ({ inputs: { x }, backend }) => backend.alias(x, x.shape) },
    {
      name: "Reshape",
      run: ({ inputs: { x }, attrs, backend }) => {
        const shape = tf.util.inferFromImplicitShape(attrs.shape as number[], sizeOf(x));
        tf.util.assert(
          tf.util.sizeFromShape(shape) === sizeOf(x),
          () =>
            `The new shape (${shape}) has ${tf.util.sizeFromShape(shape)} elements and the old ` +
            `shape (${x.shape}) has ${sizeOf(x)} elements. The new shape and old shape must have ` +
            "the same number of elements.",
        );
        return backend.alias(x, shape);
      },
    },
    {
      name: "ExpandDims",
      run: ({ inputs: { input }, attrs, backend }) => {
        const dim = attrs.dim as number, rank = input.shape.length;
        tf.util.assert(
          dim >= -(rank + 1) && dim <= rank,
          () => `Axis must be in the interval [${-(rank + 1)}, ${rank}]`,
        );
        const shape = input.shape.toSpliced(dim < 0 ? rank + dim + 1 : dim, 0, 1);
        return backend.alias(input, shape);
      },
    },
  ];
}
