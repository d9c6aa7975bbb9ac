/**
 * Matrix products, batched and transposed, with bias and activation.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { NativeBackend } from "../backend.ts";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";
import { activationCode } from "./activation.ts";
import { copy, stridesOf } from "./movement.ts";

/** `BatchMatMul` and `_FusedMatMul`. */
export function matmulKernels(): NativeKernel[] {
  const sizes = new Int32Array(9);
  return [
    { name: "BatchMatMul", run: (call) => matmul(call, sizes) },
    { name: "_FusedMatMul", run: (call) => matmul(call, sizes) },
  ];
}

/** Shape rule: `[..., M, K] x [..., K, N] -> [..., M, N]`; outer axes are broadcast. */
function matmul({ inputs, attrs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const { a, b, bias } = inputs;
  const { transposeA, transposeB, activation, leakyreluAlpha } = attrs as {
    transposeA: boolean;
    transposeB: boolean;
    activation?: string;
    leakyreluAlpha?: number;
  };
  const code = activationCode(activation);
  if (!areFloats(a, b, bias) || code === undefined) return undefined;
  const [m, k] = inner(a, transposeA);
  const [k2, n] = inner(b, transposeB);
  if (k !== k2 || (bias && tf.util.sizeFromShape(bias.shape) !== n)) return undefined;
  const outerShape = tf.broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  // The library steps through all matrices of a factor, or stays at its only one.
  const [wholeA, wholeB] = [a, b].map((x) => repeated(backend, x, outerShape));
  const [batchA, batchB] = [outer(wholeA), outer(wholeB)];
  const output = backend.output([...outerShape, m, n]);
  sizes.set([
    tf.util.sizeFromShape(outerShape),
    m,
    n,
    k,
    Number(transposeA),
    Number(transposeB),
    batchA === 1 ? 0 : m * k,
    batchB === 1 ? 0 : k * n,
    code,
  ]);
  call(backend, wholeA, wholeB, bias, output.values, sizes, leakyreluAlpha ?? 0);
  if (wholeA !== a) backend.disposeData(wholeA.dataId);
  if (wholeB !== b) backend.disposeData(wholeB.dataId);
  return output.info;
}

/** A factor with a matrix for each of the outer axes, by copying; as it is where it has them all, or one alone. */
function repeated(
  backend: NativeBackend,
  x: tf.TensorInfo,
  outerShape: readonly number[],
): tf.TensorInfo {
  const batch = outer(x);
  if (batch === 1 || batch === tf.util.sizeFromShape(outerShape as number[])) return x;
  const shape = [...outerShape, ...x.shape.slice(-2)];
  const added = shape.length - x.shape.length, strides = stridesOf(x.shape);
  const output = backend.output(shape);
  const from = shape.map((_, axis) =>
    (x.shape[axis - added] ?? 1) === 1 ? 0 : strides[axis - added]
  );
  copy(
    backend,
    shape,
    { values: backend.floats(x), strides: from },
    { values: output.values, strides: stridesOf(shape) },
  );
  return output.info;
}

function call(
  backend: NativeBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  bias: tf.TensorInfo | undefined,
  out: Float32Array<ArrayBuffer>,
  sizes: Int32Array<ArrayBuffer>,
  alpha: number,
): void {
  const { library } = backend;
  library.check(library.symbols.cpcdr_matmul(
    backend.floats(a),
    backend.floats(b),
    bias ? backend.floats(bias) : null,
    out,
    sizes,
    alpha,
  ));
}

function inner(tensor: tf.TensorInfo, transpose: boolean): [number, number] {
  const [rows, columns] = tensor.shape.slice(-2);
  return transpose ? [columns, rows] : [rows, columns];
}

function outer(tensor: tf.TensorInfo): number {
  return tf.util.sizeFromShape(tensor.shape.slice(0, -2));
}
