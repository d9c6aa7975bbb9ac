/**
 * Sums, means, extremes and products along axes.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { FLOAT_BITS, ZERO } from "../math.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { binary } from "./binary.ts";
import { cast } from "./cast.ts";
import { filled } from "./fill.ts";

/** How two values become one, and what to begin with. */
interface Reduction {
  readonly f: string;
  readonly integers?: string;
  readonly first: number;
}

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  Sum: { f: "x + y", first: 0 },
  Prod: { f: "x * y", first: 1 },
  Max: {
    f: "select(max(x, y), x + y, is_nan(x) || is_nan(y))",
    integers: "max(x, y)",
    first: -Infinity,
  },
  Min: {
    f: "select(min(x, y), x + y, is_nan(x) || is_nan(y))",
    integers: "min(x, y)",
    first: Infinity,
  },
  /** Of the numbers' sizes, or a single number as it is; NaN may be passed over. */
  MaxSize: { f: "max(abs(x), abs(y))", first: 0 },
  Any: { f: "max(x, y)", first: 0 },
  All: { f: "min(x, y)", first: 1 },
};

interface ReduceAttrs {
  readonly axis?: number | number[];
  /** What `Max` calls its axes. */
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** Those that tfjs-core has a kernel of. */
const KERNELS = ["Sum", "Prod", "Max", "Min", "Any", "All"];

/** `Sum`, `Prod`, `Max`, `Min`, `Any`, `All` and `Mean`. */
export function reduceKernels(): GpuKernel[] {
  const kernels = KERNELS.map((name): GpuKernel => ({
    name,
    run: ({ inputs: { x }, attrs, backend }) => {
      const { axis, reductionIndices, keepDims } = attrs as ReduceAttrs;
      const axes = tf.util.parseAxisParam((axis ?? reductionIndices)!, x.shape);
      const whole = x.dtype === "bool" && (name === "Sum" || name === "Prod")
        ? cast(backend, x, "int32")
        : backend.alias(x, x.shape);
      const result = reduce(backend, name, whole, axes, keepDims ?? false);
      backend.release(whole);
      return result;
    },
  }));
  return [...kernels, { name: "Mean", run: mean }];
}

function mean({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const { axis, keepDims } = attrs as ReduceAttrs;
  const axes = tf.util.parseAxisParam(axis!, x.shape);
  const floats = cast(backend, x, "float32");
  const sum = reduce(backend, "Sum", floats, axes, keepDims ?? false);
  const count = filled(backend, [], "float32", sizeOf(x) / sizeOf(sum));
  const result = binary(backend, "RealDiv", sum, count);
  backend.release(floats, sum, count);
  return result;
}

/**
 * Shape rule: the axes go, or stay with extent 1. Runs of neighbouring axes are reduced one after the
 * other, last first. The caller owns the result.
 */
export function reduce(
  backend: WebGpuBackend,
  name: string,
  x: tf.TensorInfo,
  axes: readonly number[],
  keepDims: boolean,
): tf.TensorInfo {
  const kept = x.shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  const outShape = keepDims ? kept : kept.filter((_, axis) => !axes.includes(axis));
  if (sizeOf(x) === 0) return filled(backend, outShape, x.dtype, REDUCTIONS[name].first);
  const shape = [...x.shape];
  let current = backend.alias(x, shape);
  for (const [first, last] of runs(axes.filter((axis) => x.shape[axis] > 1))) {
    const size = (from: number, to: number) => tf.util.sizeFromShape(shape.slice(from, to));
    const sizes: Sizes = [size(0, first), size(first, last), size(last, shape.length)];
    const next = reduceMiddle(backend, name, current, sizes);
    backend.release(current);
    current = next;
    shape.fill(1, first, last);
  }
  return { ...current, shape: outShape };
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

/** The sum along the first axis, which is gone; takes over the parts. */
export function addParts(backend: WebGpuBackend, parts: tf.TensorInfo): tf.TensorInfo {
  const [count, ...shape] = parts.shape;
  const sum = count === 1 ? backend.alias(parts, shape) : reduce(backend, "Sum", parts, [0], false);
  backend.release(parts);
  return sum;
}

/** Of an array `[outer, extent, inner]`. */
type Sizes = readonly [outer: number, extent: number, inner: number];

/** Fewer values than this are not worth an invocation of their own. */
const SHORTEST_PART = 16;

/**
 * More values than this are never added in one row, so that what rounding takes stays small. (Kahan's
 * correction does not help: compilers see that it is 0 in exact arithmetic.)
 */
const LONGEST_PART = 32;

/**
 * `[outer, extent, inner]` to `[outer, inner]`. Where that leaves too few invocations busy, the extent
 * is cut into parts first, whose results are reduced in turn: always in the same order, so that equal
 * inputs give equal bytes.
 */
function reduceMiddle(
  backend: WebGpuBackend,
  name: string,
  x: tf.TensorInfo,
  [outer, extent, inner]: Sizes,
): tf.TensorInfo {
  const wanted = Math.max(
    Math.ceil(backend.tiles.busy / (outer * inner)),
    Math.ceil(extent / LONGEST_PART),
  );
  const parts = Math.max(1, Math.min(wanted, Math.floor(extent / SHORTEST_PART)));
  const output = backend.output([outer, parts, inner], x.dtype);
  const vector = inner % 4 === 0;
  const count = sizeOf(output) / (vector ? 4 : 1);
  backend.run({
    shader,
    variant: {
      name,
      type: elementType(x.dtype),
      vector,
      workgroup: backend.tiles.flat,
    },
    reads: [x],
    writes: [output],
    uniforms: { count, extent, parts, inner: vector ? inner / 4 : inner, zero: 0 },
    groups: flatGroups(count, backend.tiles.flat),
  });
  if (parts === 1) return output;
  const result = reduceMiddle(backend, name, output, [outer, parts, inner]);
  backend.release(output);
  return result;
}

const shader: Shader<{ name: string; type: string; vector: boolean; workgroup: number }> = {
  name: "reduce",
  source: ({ name, type, vector, workgroup }) => {
    const { f, integers = f } = REDUCTIONS[name];
    const element = vector ? `vec4<${type}>` : type;
    const combined = vector
      ? `${element}(${["x", "y", "z", "w"].map((k) => `join(sum.${k}, value.${k})`)})`
      : "join(sum, value)";
    return {
      reads: { input: element },
      writes: { output: element },
      uniforms: { count: "u32", extent: "u32", parts: "u32", inner: "u32", ...ZERO },
      code: FLOAT_BITS + `
fn join(x: ${type}, y: ${type}) -> ${type} { return ${type === "f32" ? f : integers}; }` +
        // Part p takes values p, p + parts, ...: neighbours read neighbours.
        flatMain(
          workgroup,
          `let column = i % u.inner;
  let part = (i / u.inner) % u.parts;
  let base = i / (u.inner * u.parts) * u.extent;
  var sum = input[(base + part) * u.inner + column];
  for (var k = part + u.parts; k < u.extent; k += u.parts) {
    let value = input[(base + k) * u.inner + column];
    sum = ${combined};
  }
  output[i] = sum;`,
        ),
    };
  },
};
