/**
 * Sums, means and extremes along axes.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

const CODES: Readonly<Record<string, number>> = { Sum: 0, Mean: 1, Max: 2, Min: 3 };

interface ReduceAttrs {
  readonly axis?: number | number[];
  /** What `Max` calls its axes. */
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** `Sum`, `Mean`, `Max`, `Min` and `ArgMax`. */
export function reduceKernels(): NativeKernel[] {
  const kernels = Object.entries(CODES).map(([name, code]) => ({
    name,
    run: (call: KernelCall) => reduce(call, code),
  }));
  return [...kernels, { name: "ArgMax", run: argMax }];
}

/** Shape rule: the axes go, or stay with extent 1. Axes that are not neighbours fall back. */
function reduce({ inputs: { x }, attrs, backend }: KernelCall, code: number) {
  if (!areFloats(x)) return undefined;
  const { axis, reductionIndices, keepDims } = attrs as ReduceAttrs;
  const axes = tf.util.parseAxisParam((axis ?? reductionIndices)!, x.shape);
  const sorted = axes.toSorted((p, q) => p - q);
  const [first, last] = [sorted[0], sorted[sorted.length - 1]];
  if (sorted.length === 0 || last - first + 1 !== sorted.length) return undefined;
  const shape = x.shape.flatMap((extent, k) =>
    k < first || k > last ? [extent] : keepDims ? [1] : []
  );
  const output = backend.output(shape);
  const size = (from: number, to: number) => tf.util.sizeFromShape(x.shape.slice(from, to));
  backend.library.check(backend.library.symbols.cpcdr_reduce(
    code,
    backend.floats(x),
    output.values,
    size(0, first),
    size(first, last + 1),
    size(last + 1, x.shape.length),
  ));
  return output.info;
}

function argMax({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const axes = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  if (!areFloats(x) || axes.length !== 1) return undefined;
  const [axis] = axes;
  const output = backend.words(x.shape.toSpliced(axis, 1), "int32");
  backend.library.check(backend.library.symbols.cpcdr_arg_max(
    backend.floats(x),
    output.values,
    tf.util.sizeFromShape(x.shape.slice(0, axis)),
    x.shape[axis],
    tf.util.sizeFromShape(x.shape.slice(axis + 1)),
  ));
  return output.info;
}
