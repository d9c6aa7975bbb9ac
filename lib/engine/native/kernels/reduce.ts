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

/**
 * Shape rule: the axes go, or stay with extent 1. The library reduces a run of neighbouring axes at a
 * time; runs come last first, and a mean of means is the mean, as all have equally many parts.
 */
function reduce({ inputs: { x }, attrs, backend }: KernelCall, code: number) {
  const { axis, reductionIndices, keepDims } = attrs as ReduceAttrs;
  const axes = tf.util.parseAxisParam((axis ?? reductionIndices)!, x.shape);
  if (!areFloats(x) || axes.length === 0) return undefined;
  const shape = [...x.shape];
  const input = backend.floats(x);
  let values = input;
  for (const [first, last] of runs(axes)) {
    const size = (from: number, to: number) => tf.util.sizeFromShape(shape.slice(from, to));
    const [outer, extent, inner] = [size(0, first), size(first, last), size(last, shape.length)];
    const reduced = backend.pool.lend(outer * inner);
    const { library } = backend;
    library.check(library.symbols.cpcdr_reduce(code, values, reduced, outer, extent, inner));
    if (values !== input) backend.pool.giveBack(values.buffer);
    values = reduced;
    shape.fill(1, first, last);
  }
  const outShape = keepDims ? shape : shape.filter((_, k) => !axes.includes(k));
  return backend.tensorOf(outShape, "float32", values);
}

/** Runs [first, last) of neighbouring axes, last first. */
function runs(axes: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const axis of axes.toSorted((p, q) => q - p)) {
    const current = found[found.length - 1];
    if (current && current[0] === axis + 1) current[0] = axis;
    else found.push([axis, axis + 1]);
  }
  return found;
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
