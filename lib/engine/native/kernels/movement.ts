/**
 * Moving elements without changing them: slices, splits, concatenation, tiling, reversal and
 * transposition. Each is one or more strided copies.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { NativeBackend } from "../backend.ts";
import { areMovable, type KernelCall, type NativeKernel } from "../kernel.ts";

/** `Slice`, `SplitV`, `Concat`, `Pack`, `Unpack`, `Tile`, `Reverse` and `Transpose`. */
export function movementKernels(): NativeKernel[] {
  return [
    { name: "Slice", run: slice },
    { name: "SplitV", run: split },
    { name: "Concat", run: concat },
    { name: "Pack", run: pack },
    { name: "Unpack", run: unpack },
    { name: "Tile", run: tile },
    { name: "Reverse", run: reverse },
    { name: "Transpose", run: transpose },
  ];
}

/** Elements from one axis's index to the next, of a dense array. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** One side of a copy: an array, where to begin in it, and a step in elements for each axis. */
export interface Side {
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  readonly offset?: number;
  readonly strides: readonly number[];
}

/** Copies elements at all indices below the extents from one side to the other. */
export function copy(
  { library }: NativeBackend,
  extents: readonly number[],
  from: Side,
  to: Side,
): void {
  const sizes = Int32Array.of(extents.length, ...extents, ...from.strides, ...to.strides);
  library.check(
    library.symbols.cpcdr_copy(from.values, to.values, sizes, from.offset ?? 0, to.offset ?? 0),
  );
}

/** A dense copy of a part of a tensor: the extents, the first element and the steps in it. */
function part(
  backend: NativeBackend,
  x: tf.TensorInfo,
  shape: readonly number[],
  { extents = shape, strides, offset = 0 }: {
    readonly extents?: readonly number[];
    readonly strides: readonly number[];
    readonly offset?: number;
  },
): tf.TensorInfo {
  const output = backend.words(shape, x.dtype);
  const from = { values: backend.wordsOf(x), strides, offset };
  copy(backend, extents, from, { values: output.values, strides: stridesOf(extents) });
  return output.info;
}

function slice({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const [begin, size] = tf.slice_util.parseSliceParams(
    x as tf.Tensor,
    attrs.begin as number[],
    attrs.size as number[],
  );
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  if (!areMovable(backend, x) || size.includes(0)) return undefined;
  const strides = stridesOf(x.shape);
  return part(backend, x, size, { strides, offset: dot(begin, strides) });
}

function split({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo[] | undefined {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const numOrSizes = attrs.numOrSizeSplits as number | number[];
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizes, axis);
  if (!areMovable(backend, x) || sizes.includes(0)) return undefined;
  const strides = stridesOf(x.shape);
  let begin = 0;
  return sizes.map((size) => {
    const offset = begin * strides[axis];
    begin += size;
    return part(backend, x, x.shape.with(axis, size), { strides, offset });
  });
}

function unpack({ inputs: { value }, attrs, backend }: KernelCall): tf.TensorInfo[] | undefined {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, value.shape);
  if (!areMovable(backend, value)) return undefined;
  const strides = stridesOf(value.shape);
  const shape = value.shape.toSpliced(axis, 1), rest = strides.toSpliced(axis, 1);
  return Array.from(
    { length: value.shape[axis] },
    (_, i) => part(backend, value, shape, { strides: rest, offset: i * strides[axis] }),
  );
}

function concat({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const tensors = inputs as unknown as tf.TensorInfo[];
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, tensors[0].shape);
  const shapes = tensors.map((tensor) => tensor.shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  if (tensors.length < 2 || !areAlike(backend, tensors)) return undefined;
  return join(backend, tensors, shapes, axis, tf.backend_util.computeOutShape(shapes, axis));
}

function pack({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const tensors = inputs as unknown as tf.TensorInfo[];
  const { shape } = tensors[0];
  const same = tensors.every((tensor) => tf.util.arraysEqual(tensor.shape, shape));
  if (tensors.length < 2 || !same || !areAlike(backend, tensors)) return undefined;
  const axis = attrs.axis as number;
  const place = axis < 0 ? axis + shape.length + 1 : axis;
  const shapes = tensors.map(() => shape.toSpliced(place, 0, 1));
  return join(backend, tensors, shapes, place, shape.toSpliced(place, 0, tensors.length));
}

/** Whether all are movable and of one type. */
function areAlike(backend: NativeBackend, tensors: readonly tf.TensorInfo[]): boolean {
  return areMovable(backend, ...tensors) &&
    tensors.every((tensor) => tensor.dtype === tensors[0].dtype);
}

/** Puts tensors, taken as being of these shapes, one after another along an axis. */
function join(
  backend: NativeBackend,
  tensors: readonly tf.TensorInfo[],
  shapes: readonly number[][],
  axis: number,
  outShape: number[],
): tf.TensorInfo {
  const output = backend.words(outShape, tensors[0].dtype);
  const strides = stridesOf(outShape);
  let begin = 0;
  tensors.forEach((tensor, i) => {
    const from = { values: backend.wordsOf(tensor), strides: stridesOf(shapes[i]) };
    copy(backend, shapes[i], from, {
      values: output.values,
      strides,
      offset: begin * strides[axis],
    });
    begin += shapes[i][axis];
  });
  return output.info;
}

/** Each axis becomes two: the repetitions, which step by 0 through the source, and the axis itself. */
function tile({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const reps = attrs.reps as number[];
  if (!areMovable(backend, x) || reps.includes(0) || 2 * reps.length > MAX_AXES) return undefined;
  const strides = stridesOf(x.shape);
  return part(backend, x, x.shape.map((size, k) => size * reps[k]), {
    extents: x.shape.flatMap((size, k) => [reps[k], size]),
    strides: strides.flatMap((stride) => [0, stride]),
  });
}

function reverse({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  if (!areMovable(backend, x) || x.shape.length === 0) return undefined;
  const strides = stridesOf(x.shape);
  let offset = 0;
  for (const axis of tf.util.parseAxisParam(attrs.dims as number[], x.shape)) {
    offset += (x.shape[axis] - 1) * strides[axis];
    strides[axis] *= -1;
  }
  return part(backend, x, x.shape, { strides, offset });
}

function transpose({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const perm = attrs.perm as number[];
  if (!areMovable(backend, x)) return undefined;
  const strides = stridesOf(x.shape);
  const order = <T>(values: readonly T[]) => perm.map((axis) => values[axis]);
  return part(backend, x, order(x.shape), { strides: order(strides) });
}

/** What the library's copy walks at most. */
const MAX_AXES = 16;

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * b[k], 0);
}
