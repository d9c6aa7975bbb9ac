/**
 * Softmax and its logarithm along the last axis.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

/** `Softmax` and `LogSoftmax`. */
export function softmaxKernels(): NativeKernel[] {
  return [
    { name: "Softmax", run: (call) => softmax(call, "dim", false) },
    { name: "LogSoftmax", run: (call) => softmax(call, "axis", true) },
  ];
}

function softmax({ inputs: { logits }, attrs, backend }: KernelCall, axis: string, log: boolean) {
  const last = logits.shape.length - 1;
  const along = attrs[axis] as number;
  if (!areFloats(logits) || (along !== last && along !== -1) || last < 0) return undefined;
  const output = backend.output(logits.shape);
  const columns = logits.shape[last];
  backend.library.check(backend.library.symbols.cpcdr_softmax(
    backend.floats(logits),
    output.values,
    tf.util.sizeFromShape(logits.shape) / columns,
    columns,
    Number(log),
  ));
  return output.info;
}
