/**
 * Element-wise operations on two tensors, with broadcasting.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

/** The library's codes; from `Greater` on the result is bool. */
const CODES: Readonly<Record<string, number>> = {
  Add: 0,
  Sub: 1,
  Multiply: 2,
  RealDiv: 3,
  Maximum: 4,
  Minimum: 5,
  SquaredDifference: 6,
  Greater: 8,
  GreaterEqual: 9,
  Less: 10,
  LessEqual: 11,
  Equal: 12,
  NotEqual: 13,
};

const ELU_GRAD = 7;
const FIRST_COMPARISON = 8;
/** The library walks this many axes. */
const AXES = 4;

/** `Add` ... `NotEqual`, `EluGrad`, `AddN`, `Select` and logic on bools of one shape. */
export function binaryKernels(): NativeKernel[] {
  const sizes = new Int32Array(3 * AXES);
  const kernels = Object.entries(CODES).map(([name, code]): NativeKernel => ({
    name,
    run: ({ inputs, backend }) => binary(code, inputs.a, inputs.b, backend, sizes),
  }));
  return [
    ...kernels,
    {
      name: "EluGrad",
      run: ({ inputs, backend }) => binary(ELU_GRAD, inputs.dy, inputs.y, backend, sizes),
    },
    { name: "AddN", run: (call) => addN(call, sizes) },
    { name: "Select", run: select },
    { name: "LogicalAnd", run: ({ inputs, backend }) => logical(0, inputs.a, inputs.b, backend) },
    { name: "LogicalOr", run: ({ inputs, backend }) => logical(1, inputs.a, inputs.b, backend) },
    { name: "LogicalNot", run: ({ inputs, backend }) => logical(2, inputs.x, inputs.x, backend) },
  ];
}

function binary(
  code: number,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  backend: KernelCall["backend"],
  sizes: Int32Array<ArrayBuffer>,
): tf.TensorInfo | undefined {
  if (!areFloats(a, b)) return undefined;
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (!fillSizes(sizes, shape, a.shape, b.shape)) return undefined;
  const { library } = backend;
  const [left, right] = [backend.floats(a), backend.floats(b)];
  if (code < FIRST_COMPARISON) {
    const output = backend.output(shape);
    library.check(library.symbols.cpcdr_binary(code, left, right, output.values, sizes));
    return output.info;
  }
  const flags = backend.flags(shape);
  library.check(library.symbols.cpcdr_binary(code, left, right, flags.values, sizes));
  return flags.info;
}

/**
 * Merges neighbouring axes that both tensors walk alike, and writes extents and strides. False when
 * more axes are left than the library walks.
 */
export function fillSizes(
  sizes: Int32Array,
  shape: readonly number[],
  a: readonly number[],
  b: readonly number[],
): boolean {
  const extents: number[] = [];
  const strides: [number, number][] = [];
  let [sizeA, sizeB] = [1, 1];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extentA = a[axis - shape.length + a.length] ?? 1;
    const extentB = b[axis - shape.length + b.length] ?? 1;
    const stride: [number, number] = [extentA === 1 ? 0 : sizeA, extentB === 1 ? 0 : sizeB];
    sizeA *= extentA;
    sizeB *= extentB;
    if (shape[axis] === 1) continue;
    const last = extents.length - 1;
    const continues = last >= 0 &&
      [0, 1].every((k) => stride[k] === strides[last][k] * extents[last]);
    if (continues) {
      extents[last] *= shape[axis];
    } else {
      extents.push(shape[axis]);
      strides.push(stride);
    }
  }
  if (extents.length > AXES) return false;
  for (let k = 0; k < AXES; k++) {
    const place = AXES - 1 - k;
    sizes[place] = extents[k] ?? 1;
    sizes[AXES + place] = strides[k]?.[0] ?? 0;
    sizes[2 * AXES + place] = strides[k]?.[1] ?? 0;
  }
  return true;
}

function addN({ inputs, backend }: KernelCall, sizes: Int32Array<ArrayBuffer>) {
  const tensors = inputs as unknown as tf.TensorInfo[];
  if (tensors.length < 2 || !areFloats(...tensors)) return undefined;
  fillSizes(sizes, tensors[0].shape, tensors[0].shape, tensors[0].shape);
  const output = backend.output(tensors[0].shape);
  const { library } = backend;
  let sum = backend.floats(tensors[0]);
  for (const tensor of tensors.slice(1)) {
    const values = backend.floats(tensor);
    library.check(library.symbols.cpcdr_binary(CODES.Add, sum, values, output.values, sizes));
    sum = output.values;
  }
  return output.info;
}

function select({ inputs, backend }: KernelCall): tf.TensorInfo | undefined {
  const { condition, t, e } = inputs;
  const flags = backend.valuesOf(condition);
  const whole = tf.util.arraysEqual(condition.shape, t.shape);
  if (!areFloats(t, e) || !whole || !(flags instanceof Uint8Array)) return undefined;
  const output = backend.output(t.shape);
  backend.library.check(backend.library.symbols.cpcdr_select(
    flags,
    backend.floats(t),
    backend.floats(e),
    output.values,
    BigInt(output.values.length),
  ));
  return output.info;
}

function logical(
  code: number,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  backend: KernelCall["backend"],
): tf.TensorInfo | undefined {
  const [left, right] = [a, b].map((x) => backend.valuesOf(x));
  const bytes = left instanceof Uint8Array && right instanceof Uint8Array;
  if (!bytes || left.length === 0 || !tf.util.arraysEqual(a.shape, b.shape)) return undefined;
  const flags = backend.flags(a.shape);
  backend.library.check(backend.library.symbols.cpcdr_logical(
    code,
    left,
    right,
    flags.values,
    BigInt(left.length),
  ));
  return flags.info;
}
