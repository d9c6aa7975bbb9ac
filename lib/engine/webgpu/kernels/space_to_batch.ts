/**
 * Elements in blocks: space to batch and back, depth to space, and diagonals.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { stridesOf } from "./broadcast.ts";
import { filled } from "./fill.ts";
import { copy, transposed } from "./movement.ts";
import { padded } from "./pad.ts";

/** `SpaceToBatchND`, `BatchToSpaceND`, `DepthToSpace` and `Diag`. */
export function blockKernels(): GpuKernel[] {
  return [
    { name: "SpaceToBatchND", run: spaceToBatch },
    { name: "BatchToSpaceND", run: batchToSpace },
    { name: "DepthToSpace", run: depthToSpace },
    { name: "Diag", run: diagonal },
  ];
}

/** Each axis that is cut becomes blocks and the place in a block; the places go to the batch. */
function spaceToBatch({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const block = attrs.blockShape as number[];
  const { backend_util: shapes } = tf;
  const prod = tf.util.sizeFromShape(block);
  const paddings = x.shape.map((_, axis) =>
    (attrs.paddings as [number, number][])[axis - 1] ?? [0, 0]
  );
  const whole = padded(backend, x, paddings, 0);
  const cut = shapes.getReshaped(whole.shape, block, prod, false);
  const moved = transposed(
    backend,
    { ...whole, shape: cut },
    shapes.getPermuted(cut.length, block.length, false),
  );
  backend.release(whole);
  return { ...moved, shape: shapes.getReshapedPermuted(whole.shape, block, prod, false) };
}

function batchToSpace({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const block = attrs.blockShape as number[], crops = attrs.crops as [number, number][];
  const { backend_util: shapes } = tf;
  const prod = tf.util.sizeFromShape(block);
  const cut = shapes.getReshaped(x.shape, block, prod);
  const whole = transposed(
    backend,
    { ...x, shape: cut },
    shapes.getPermuted(cut.length, block.length),
  );
  const shape = shapes.getReshapedPermuted(x.shape, block, prod);
  const begin = shapes.getSliceBeginCoords(crops, block.length);
  const cropped = shapes.getSliceSize(shape, crops, block.length);
  const size = [...cropped, ...shape.slice(cropped.length)];
  const output = backend.output(size, x.dtype);
  const strides = stridesOf(shape);
  copy(backend, size, {
    tensor: whole,
    strides,
    offset: begin.reduce((sum, at, axis) => sum + at * (strides[axis] ?? 0), 0),
  }, { tensor: output, strides: stridesOf(size) });
  backend.release(whole);
  return output;
}

/** `[B,H,W,b*b*C]` to `[B,H*b,W*b,C]`. */
function depthToSpace({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const block = attrs.blockSize as number;
  const last = attrs.dataFormat !== "NCHW";
  const [batch, ...rest] = x.shape;
  const [height, width, depth] = last ? rest : [rest[1], rest[2], rest[0]];
  const channels = depth / (block * block);
  const [cut, order, shape] = last
    ? [
      [batch, height, width, block, block, channels],
      [0, 1, 3, 2, 4, 5],
      [batch, height * block, width * block, channels],
    ]
    : [
      [batch, block, block, channels, height, width],
      [0, 3, 4, 1, 5, 2],
      [batch, channels, height * block, width * block],
    ];
  return { ...transposed(backend, { ...x, shape: cut }, order), shape };
}

/** Shape rule: x's shape twice. */
function diagonal({ inputs: { x }, backend }: KernelCall): tf.TensorInfo {
  const size = sizeOf(x);
  const output = filled(backend, [size, size], x.dtype, 0);
  if (size === 1) {
    backend.release(output);
    return backend.alias(x, [...x.shape, ...x.shape]);
  }
  copy(backend, [size], { tensor: x, strides: [1] }, { tensor: output, strides: [size + 1] });
  return { ...output, shape: [...x.shape, ...x.shape] };
}
