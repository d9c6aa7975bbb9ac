/**
 * Moving elements without changing them: slices, splits, concatenation, tiling, reversal and
 * transposition. Each is one or more strided copies of four-byte words, whatever they mean.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../errors.ts";
import type { WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import {
  mergeAxes,
  positions,
  positionUniforms,
  positionValues,
  stridesOf,
  type Walk,
} from "./broadcast.ts";

/** `Slice`, `StridedSlice`, `SplitV`, `Concat`, `Pack`, `Unpack`, `Tile`, `Reverse`, `Transpose`. */
export function movementKernels(): GpuKernel[] {
  return [
    { name: "Slice", run: slice },
    { name: "StridedSlice", run: stridedSlice },
    { name: "SplitV", run: split },
    { name: "Concat", run: concat },
    { name: "Pack", run: pack },
    { name: "Unpack", run: unpack },
    { name: "Tile", run: tile },
    {
      name: "Reverse",
      run: ({ inputs: { x }, attrs, backend }) => reversed(backend, x, attrs.dims as number[]),
    },
    {
      name: "Transpose",
      run: ({ inputs: { x }, attrs, backend }) => transposed(backend, x, attrs.perm as number[]),
    },
  ];
}

/** One side of a copy: a tensor, where to begin in it, and a step in elements for each axis. */
export interface Side {
  readonly tensor: tf.TensorInfo;
  readonly offset?: number;
  readonly strides: readonly number[];
}

/** Copies elements at all indices below the extents from one side to the other. */
export function copy(
  backend: WebGpuBackend,
  extents: readonly number[],
  from: Side,
  to: Side,
): void {
  if (extents.includes(0)) return;
  const offsets = [from.offset ?? 0, to.offset ?? 0];
  const merged = mergeAxes({ extents, strides: [from.strides, to.strides] });
  const walk = inVectors(merged, offsets);
  const count = tf.util.sizeFromShape([...walk.extents]);
  const width = walk === merged ? 1 : 4;
  backend.run({
    shader,
    variant: { width, rank: walk.extents.length, workgroup: backend.tiles.flat },
    reads: [from.tensor],
    writes: [to.tensor],
    uniforms: {
      count,
      begin_input: offsets[0] / width,
      begin_output: offsets[1] / width,
      ...positionValues(walk, SIDES),
    },
    groups: flatGroups(count, backend.tiles.flat),
  });
}

const SIDES = ["input", "output"];

/** The walk four elements at a time, where both sides allow it; else the walk itself. */
function inVectors(walk: Walk, offsets: readonly number[]): Walk {
  const { extents, strides } = walk;
  const last = extents.length - 1;
  const whole = extents[last] % 4 === 0 && offsets.every((offset) => offset % 4 === 0) &&
    strides.every((own) =>
      own[last] === 1 && own.slice(0, last).every((stride) => stride % 4 === 0)
    );
  if (!whole) return walk;
  return {
    extents: extents.with(last, extents[last] / 4),
    strides: strides.map((own) => own.map((stride, axis) => axis === last ? 1 : stride / 4)),
  };
}

const shader: Shader<{ width: number; rank: number; workgroup: number }> = {
  name: "copy",
  source: ({ width, rank, workgroup }) => {
    const type = width === 4 ? "vec4<u32>" : "u32";
    return {
      reads: { input: type },
      writes: { output: type },
      uniforms: {
        count: "u32",
        begin_input: "i32",
        begin_output: "i32",
        ...positionUniforms(rank, SIDES),
      },
      code: flatMain(
        workgroup,
        `${positions(rank, SIDES)}
  output[u.begin_output + at_output] = input[u.begin_input + at_input];`,
      ),
    };
  },
};

/** A dense copy of a part of a tensor: the extents, the first element and the steps in it. */
export function part(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  shape: readonly number[],
  { extents = shape, strides, offset = 0 }: {
    readonly extents?: readonly number[];
    readonly strides: readonly number[];
    readonly offset?: number;
  },
): tf.TensorInfo {
  const output = backend.output(shape, x.dtype);
  copy(backend, extents, { tensor: x, strides, offset }, {
    tensor: output,
    strides: stridesOf(extents),
  });
  return output;
}

function slice({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const [begin, size] = tf.slice_util.parseSliceParams(
    x as tf.Tensor,
    attrs.begin as number[],
    attrs.size as number[],
  );
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  const strides = stridesOf(x.shape);
  return part(backend, x, size, { strides, offset: dot(begin, strides) });
}

function stridedSlice({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const a = attrs as Record<string, never>;
  const info = tf.slice_util.sliceInfo(
    x.shape,
    a.begin,
    a.end,
    a.strides,
    a.beginMask,
    a.endMask,
    a.ellipsisMask,
    a.newAxisMask,
    a.shrinkAxisMask,
  );
  const { begin, end, strides: steps } = info;
  const strides = stridesOf(x.shape);
  const sliced = part(backend, x, tf.slice_util.computeOutShape(begin, end, steps), {
    strides: strides.map((stride, axis) => stride * steps[axis]),
    offset: dot(begin, strides),
  });
  return { ...sliced, shape: info.finalShape };
}

function split({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const numOrSizes = attrs.numOrSizeSplits as number | number[];
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizes, axis);
  const strides = stridesOf(x.shape);
  let begin = 0;
  return sizes.map((size) => {
    const offset = begin * strides[axis];
    begin += size;
    return part(backend, x, x.shape.with(axis, size), { strides, offset });
  });
}

function unpack({ inputs: { value }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, value.shape);
  const strides = stridesOf(value.shape);
  const shape = value.shape.toSpliced(axis, 1), rest = strides.toSpliced(axis, 1);
  return Array.from(
    { length: value.shape[axis] },
    (_, i) => part(backend, value, shape, { strides: rest, offset: i * strides[axis] }),
  );
}

function concat({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const tensors = inputs as unknown as tf.TensorInfo[];
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, tensors[0].shape);
  const shapes = tensors.map((tensor) => tensor.shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  return join(backend, tensors, shapes, axis, tf.backend_util.computeOutShape(shapes, axis));
}

function pack({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const tensors = inputs as unknown as tf.TensorInfo[];
  const { shape } = tensors[0];
  for (const tensor of tensors) {
    tf.util.assertShapesMatch(
      tensor.shape,
      shape,
      "All tensors passed to stack must have matching ",
    );
  }
  const axis = attrs.axis as number;
  const place = axis < 0 ? axis + shape.length + 1 : axis;
  const shapes = tensors.map(() => shape.toSpliced(place, 0, 1));
  return join(backend, tensors, shapes, place, shape.toSpliced(place, 0, tensors.length));
}

/** Puts tensors, taken as being of these shapes, one after another along an axis. */
function join(
  backend: WebGpuBackend,
  tensors: readonly tf.TensorInfo[],
  shapes: readonly number[][],
  axis: number,
  outShape: number[],
): tf.TensorInfo {
  const { dtype } = tensors[0];
  if (tensors.some((tensor) => tensor.dtype !== dtype)) {
    throw new DeviceError(
      `Cannot join tensors: expected ${dtype} as the first, got ${tensors.map((t) => t.dtype)}`,
    );
  }
  const output = backend.output(outShape, dtype);
  const strides = stridesOf(outShape);
  let begin = 0;
  tensors.forEach((tensor, i) => {
    copy(backend, shapes[i], { tensor, strides: stridesOf(shapes[i]) }, {
      tensor: output,
      strides,
      offset: begin * strides[axis],
    });
    begin += shapes[i][axis];
  });
  return output;
}

/** Each axis becomes two: the repetitions, which step by 0 through the source, and the axis itself. */
function tile({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const reps = attrs.reps as number[];
  const strides = stridesOf(x.shape);
  return part(backend, x, x.shape.map((size, k) => size * reps[k]), {
    extents: x.shape.flatMap((size, k) => [reps[k], size]),
    strides: strides.flatMap((stride) => [0, stride]),
  });
}

/** A tensor turned round along axes. */
export function reversed(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  axes: number | number[],
): tf.TensorInfo {
  const strides = stridesOf(x.shape);
  let offset = 0;
  for (const axis of tf.util.parseAxisParam(axes, x.shape)) {
    offset += (x.shape[axis] - 1) * strides[axis];
    strides[axis] *= -1;
  }
  return part(backend, x, x.shape, { strides, offset: sizeOf(x) === 0 ? 0 : offset });
}

/** A tensor with its axes in another order. */
export function transposed(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  perm: readonly number[],
): tf.TensorInfo {
  const strides = stridesOf(x.shape);
  const order = <T>(values: readonly T[]) => perm.map((axis) => values[axis]);
  return part(backend, x, order(x.shape), { strides: order(strides) });
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * b[k], 0);
}
