/**
 * Element-wise operations on two tensors, with broadcasting.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { FLOAT_BITS, ZERO } from "../math.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import {
  broadcastStrides,
  mergeAxes,
  positions,
  positionUniforms,
  positionValues,
  type Walk,
} from "./broadcast.ts";

/** An operation: WGSL of the result for x and y. */
interface Operation {
  readonly f: string;
  /** For integers; floats' formula otherwise, on floats. */
  readonly integers?: string;
  readonly dtype?: tf.DataType;
}

const comparison = (operator: string): Operation => ({
  f: `f32(x ${operator} y)`,
  integers: `i32(x ${operator} y)`,
  dtype: "bool",
});
const arithmetic = (operator: string): Operation => ({
  f: `x ${operator} y`,
  integers: `x ${operator} y`,
});

const OPERATIONS: Readonly<Record<string, Operation>> = {
  Add: arithmetic("+"),
  Sub: arithmetic("-"),
  Multiply: arithmetic("*"),
  RealDiv: { f: "x / y" },
  FloorDiv: { f: "floor_quotient(x, y)", integers: "floor_div(x, y)", dtype: "int32" },
  Mod: { f: "floor_mod(x, y)", integers: "x - y * floor_div(x, y)" },
  Pow: { f: "power(x, y)", integers: "i32(round(power(f32(x), f32(y))))" },
  Maximum: { f: "select(max(x, y), x + y, is_nan(x) || is_nan(y))", integers: "max(x, y)" },
  Minimum: { f: "select(min(x, y), x + y, is_nan(x) || is_nan(y))", integers: "min(x, y)" },
  SquaredDifference: { f: "(x - y) * (x - y)", integers: "(x - y) * (x - y)" },
  Atan2: { f: "select(atan2(x, y), x + y, is_nan(x) || is_nan(y))" },
  Prelu: { f: "select(x, x * y, x < 0)" },
  EluGrad: { f: "select(x * (y + 1), x, y >= 0)" },
  Greater: comparison(">"),
  GreaterEqual: comparison(">="),
  Less: comparison("<"),
  LessEqual: comparison("<="),
  Equal: comparison("=="),
  // `!=` is compiled to a comparison that is false for NaN.
  NotEqual: { f: "f32(!(x == y))", integers: "i32(x != y)", dtype: "bool" },
  LogicalAnd: { f: "f32(x != 0 && y != 0)", integers: "i32(x != 0 && y != 0)", dtype: "bool" },
  LogicalOr: { f: "f32(x != 0 || y != 0)", integers: "i32(x != 0 || y != 0)", dtype: "bool" },
  BitwiseAnd: { f: "f32(i32(x) & i32(y))", integers: "x & y" },
};

/** `Add` ... `BitwiseAnd`, and `AddN`. */
export function binaryKernels(): GpuKernel[] {
  const kernels = Object.keys(OPERATIONS).map((name): GpuKernel => ({
    name,
    run: ({ inputs, backend }) => {
      const [a, b] = name === "EluGrad" ? [inputs.dy, inputs.y] : operands(inputs);
      return binary(backend, name, a, b);
    },
  }));
  return [...kernels, { name: "AddN", run: addN }];
}

function operands({ a, b, x, alpha }: KernelCall["inputs"]): [tf.TensorInfo, tf.TensorInfo] {
  return a ? [a, b] : [x, alpha];
}

/**
 * Shape rule: tfjs's broadcasting. Where one side is a number that the host knows, it travels as a
 * uniform and is never uploaded.
 */
export function binary(
  backend: WebGpuBackend,
  name: string,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo {
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const dtype = OPERATIONS[name].dtype ?? tf.upcastType(a.dtype, b.dtype);
  const output = backend.output(shape, dtype);
  const numbers = [a, b].map((info) => numberOf(backend, info));
  const tensors = [a, b].filter((_, k) => numbers[k] === undefined);
  const names = ["a", "b"].filter((_, k) => numbers[k] === undefined);
  const walk = vectorWalk(
    mergeAxes({
      extents: shape,
      strides: tensors.map((tensor) => broadcastStrides(tensor.shape, shape)),
    }),
  );
  const kind = (k: number) =>
    numbers[k] !== undefined
      ? "number"
      : walk.reading[names.indexOf("ab"[k])] + elementType([a, b][k].dtype);
  const count = tf.util.sizeFromShape([...walk.extents]);
  backend.run({
    shader,
    variant: {
      name,
      a: kind(0),
      b: kind(1),
      integers: a.dtype !== "float32" && b.dtype !== "float32",
      to: elementType(dtype),
      rank: walk.extents.length,
      width: walk.width,
      workgroup: backend.tiles.flat,
    },
    reads: tensors,
    writes: [output],
    uniforms: {
      count: shape.includes(0) ? 0 : count,
      zero: 0,
      number_a: numbers[0] ?? 0,
      number_b: numbers[1] ?? 0,
      ...positionValues(walk, names),
    },
    groups: shape.includes(0) ? [0, 0, 0] : flatGroups(count, backend.tiles.flat),
  });
  return output;
}

/** A number that the host knows and that a uniform holds as it is. */
function numberOf(backend: WebGpuBackend, info: tf.TensorInfo): number | undefined {
  if (sizeOf(info) !== 1) return undefined;
  const value = Number(backend.valuesOf(info)?.[0]);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * The walk four elements at a time where each array either steps by one along rows of whole vectors or
 * stands still there; `reading` is the type that each is read as.
 */
function vectorWalk({ extents, strides }: Walk) {
  const last = extents.length - 1;
  const whole = (last === 0 || extents[last] % 4 === 0) && strides.every((own) =>
    own[last] === 0 ||
    (own[last] === 1 && own.slice(0, last).every((stride) => stride % 4 === 0))
  );
  if (!whole) return { extents, strides, width: 1, reading: strides.map(() => "one ") };
  const still = strides.map((own) => own[last] === 0);
  return {
    extents: extents.with(last, Math.ceil(extents[last] / 4)),
    strides: strides.map((own, k) =>
      still[k] ? own : own.map((stride, axis) => axis === last ? 1 : stride / 4)
    ),
    width: 4,
    reading: still.map((one) => one ? "one " : "four "),
  };
}

interface BinaryVariant {
  readonly [key: string]: string | number | boolean;
  readonly name: string;
  /** "number" (a uniform), or how many of which type are read at a time. */
  readonly a: string;
  readonly b: string;
  readonly integers: boolean;
  readonly to: string;
  readonly rank: number;
  readonly width: number;
  readonly workgroup: number;
}

const shader: Shader<BinaryVariant> = {
  name: "binary",
  source: ({ name, a, b, integers, to, rank, width, workgroup }) => {
    const { f, integers: exact } = OPERATIONS[name];
    const type = integers && exact !== undefined ? "i32" : "f32";
    const kinds = Object.entries({ a, b });
    const names = kinds.filter(([, kind]) => kind !== "number").map(([side]) => side);
    const reads = kinds.flatMap(([side, kind]) => {
      if (kind === "number") return [];
      const [many, element] = kind.split(" ");
      return [[side, many === "four" ? `vec4<${element}>` : element]];
    });
    const load = (side: string, kind: string) => {
      const value = kind === "number" ? `u.number_${side}` : `${side}[at_${side}]`;
      return width === 4 ? `vec4<${type}>(${value})` : `${type}(${value})`;
    };
    const result = `${type === "f32" ? f : exact}`;
    return {
      reads: Object.fromEntries(reads),
      writes: { output: width === 4 ? `vec4<${to}>` : to },
      uniforms: {
        count: "u32",
        ...ZERO,
        number_a: type,
        number_b: type,
        ...positionUniforms(rank, names),
      },
      code: FUNCTIONS + `
fn operation(x: ${type}, y: ${type}) -> ${to} { return ${to}(${result}); }` +
        flatMain(
          workgroup,
          `${positions(rank, names)}
  let x = ${load("a", a)};
  let y = ${load("b", b)};
  output[i] = ${
            width === 1 ? "operation(x, y)" : `vec4<${to}>(
    operation(x.x, y.x), operation(x.y, y.y), operation(x.z, y.z), operation(x.w, y.w))`
          };`,
        ),
    };
  },
};

/**
 * Division and remainder that round down. A quotient of floats may be off by some units in its last place, and a
 * remainder of negative integers is what the driver makes of it: what is left of the division decides. Powers of negative numbers, which WGSL leaves undefined. */
const FUNCTIONS = FLOAT_BITS + `
fn floor_div(x: i32, y: i32) -> i32 {
  if (y == 0) { return 0; }
  let q = x / y;
  return select(q, q - 1, x != q * y && (x < 0) != (y < 0));
}
fn floor_quotient(x: f32, y: f32) -> f32 {
  let q = round(x / y);
  let left = fma(-q, y, x);
  return select(q, q - 1, left != 0 && (left < 0) != (y < 0));
}
fn floor_mod(x: f32, y: f32) -> f32 {
  let r = x % y;
  return select(r, r + y, r != 0 && (r < 0) != (y < 0));
}
fn power(x: f32, y: f32) -> f32 {
  if (is_nan(x) || is_nan(y)) { return select(x + y, 1.0, y == 0); }
  if (y == 0 || x == 1) { return 1.0; }
  if (x == 0) { return select(0.0, infinity(), y < 0); }
  let size = pow(abs(x), y);
  if (x > 0) { return size; }
  if (y != round(y)) { return nan(); }
  return select(size, -size, abs(y) % 2 == 1);
}
`;

function addN({ inputs, backend }: KernelCall): tf.TensorInfo {
  const [first, ...rest] = inputs as unknown as tf.TensorInfo[];
  return rest.reduce((sum, tensor) => {
    const next = binary(backend, "Add", sum, tensor);
    backend.release(sum);
    return next;
  }, backend.alias(first, first.shape));
}
