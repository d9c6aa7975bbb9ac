/**
 * Parameter updates in place, of variables: whoever else holds their memory keeps the values that are there.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { itemsOf } from "../../listed.ts";
import type { KernelCall, NativeKernel } from "../kernel.ts";

/** `AdamUpdate` and `SgdUpdate`, kernels of this project (lib/nn/optimizers.ts). */
export function optimizerKernels(): NativeKernel[] {
  return [
    { name: "AdamUpdate", run: adam },
    { name: "SgdUpdate", run: sgd },
  ];
}

function adam({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const a = attrs as Record<string, number>;
  for (const { param, grad, m, v } of itemsOf(inputs)) {
    const values = backend.ownFloats(param);
    backend.library.check(backend.library.symbols.cpcdr_adam(
      values,
      backend.floats(grad),
      backend.ownFloats(m),
      backend.ownFloats(v),
      BigInt(values.length),
      a.learningRate,
      a.beta1,
      a.beta2,
      a.epsilon,
      a.weightDecay,
      a.step,
    ));
  }
  return [];
}

function sgd({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const a = attrs as Record<string, number>;
  for (const { param, grad, velocity } of itemsOf(inputs)) {
    const values = backend.ownFloats(param);
    backend.library.check(backend.library.symbols.cpcdr_sgd(
      values,
      backend.floats(grad),
      backend.ownFloats(velocity),
      BigInt(values.length),
      a.learningRate,
      a.momentum,
      a.weightDecay,
      Number(attrs.nesterov ?? false),
    ));
  }
  return [];
}
