/**
 * Einstein's sums, as transpositions, products and sums.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { GpuKernel, KernelCall } from "../../kernel.ts";
import { binary } from "../binary.ts";
import { transposed } from "../movement.ts";
import { reduce } from "../reduce.ts";

/** `Einsum`. */
export function einsumKernels(): GpuKernel[] {
  return [{ name: "Einsum", run: einsum }];
}

/** tfjs-core decides the order; axes that a factor lacks get extent 1, so that factors broadcast. */
function einsum({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const factors = inputs as unknown as tf.TensorInfo[];
  const { backend_util: plan } = tf;
  const { allDims, summedDims, idDims } = plan.decodeEinsumEquation(
    attrs.equation as string,
    factors.length,
  );
  plan.checkEinsumDimSizes(allDims.length, idDims, factors as tf.Tensor[]);
  const { path, steps } = plan.getEinsumComputePath(summedDims, idDims);
  let result: tf.TensorInfo | undefined;
  let axes = allDims.length;
  const replace = (next: tf.TensorInfo) => {
    if (result) backend.release(result);
    result = next;
  };
  steps.forEach((terms, step) => {
    for (const term of terms) {
      const { permutationIndices, expandDims } = plan.getEinsumPermutation(axes, idDims[term]);
      const moved = transposed(backend, factors[term], permutationIndices);
      const shape = [...moved.shape];
      for (const axis of expandDims) shape.splice(axis, 0, 1);
      const factor = { ...moved, shape };
      if (!result) {
        result = factor;
        continue;
      }
      replace(binary(backend, "Multiply", factor, result));
      backend.release(factor);
    }
    if (step === steps.length - 1) return;
    if (path[step] >= 0) {
      replace(reduce(backend, "Sum", result!, [path[step] - (allDims.length - axes)], false));
    }
    axes--;
  });
  return result!;
}
