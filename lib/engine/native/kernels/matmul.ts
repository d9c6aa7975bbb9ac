/**
 * Matrix products, batched and transposed, with bias and activation.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { NativeBackend } from "../backend.ts";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";
import { activationCode } from "./activation.ts";

/** `BatchMatMul` and `_FusedMatMul`. */
export function matmulKernels(): NativeKernel[] {
  const sizes = new Int32Array(9);
  return [
    { name: "BatchMatMul", run: (call) => matmul(call, sizes) },
    { name: "_FusedMatMul", run: (call) => matmul(call, sizes) },
  ];
}

/** Shape rule: `[..., M, K] x [..., K, N] -> [..., M, N]`; outer axes equal, or one of them absent. */
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
  const [batchA, batchB] = [outer(a), outer(b)];
  const batch = Math.max(batchA, batchB);
  const simple = batchA === batchB || batchA === 1 || batchB === 1;
  if (k !== k2 || !simple || (bias && tf.util.sizeFromShape(bias.shape) !== n)) return undefined;
  const outerShape = tf.broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  const output = backend.output([...outerShape, m, n]);
  sizes.set([
    batch,
    m,
    n,
    k,
    Number(transposeA),
    Number(transposeB),
    batchA === 1 ? 0 : m * k,
    batchB === 1 ? 0 : k * n,
    code,
  ]);
  call(backend, a, b, bias, output.values, sizes, leakyreluAlpha ?? 0);
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
