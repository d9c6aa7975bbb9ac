/**
 * Element-wise operations on one tensor.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { ANGLES } from "../angles.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { FLOAT_BITS, ZERO } from "../math.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** An operation: WGSL of the result for the float `x`, with attributes as the uniforms p and q. */
interface Operation {
  readonly f: string;
  readonly parameters?: readonly string[];
  /** Of the result; that of x by default. */
  readonly dtype?: tf.DataType;
  /** Defined on integers as it stands, without going through float. */
  readonly integers?: boolean;
  /** Needs {@linkcode ANGLES}. */
  readonly angle?: boolean;
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  Abs: { f: "abs(x)", integers: true },
  // By atan2, since adapters differ in the digits of acos and asin.
  Acos: { f: "select(atan2(sqrt((1 - x) * (1 + x)), x), nan(), !(abs(x) <= 1))" },
  Acosh: { f: "select(log(x + sqrt((x - 1) * (x + 1))), nan(), x < 1)" },
  Asin: { f: "select(atan2(x, sqrt((1 - x) * (1 + x))), nan(), !(abs(x) <= 1))" },
  Asinh: { f: "select(sign(x) * log1p(abs(x) + x * x / (1 + sqrt(x * x + 1))), x, is_inf(x))" },
  Atan: { f: "select(atan(x), x, is_nan(x))" },
  Atanh: { f: "select(0.5 * (log1p(x) - log1p(-x)), nan(), abs(x) > 1)" },
  Ceil: { f: "ceil(x)" },
  ClipByValue: {
    f: "select(min(max(x, u.p), u.q), x, is_nan(x))",
    parameters: ["clipValueMin", "clipValueMax"],
  },
  Cos: { f: "cosine(x)", angle: true },
  Cosh: { f: "0.5 * (exp(x) + exp(-x))" },
  Elu: { f: "select(x, expm1(x), x < 0)" },
  Erf: { f: "erf(x)" },
  Exp: { f: "exponential(x)", dtype: "float32" },
  Expm1: { f: "expm1(x)" },
  Floor: { f: "floor(x)" },
  IsFinite: { f: "f32(!is_nan(x) && !is_inf(x))", dtype: "bool" },
  IsInf: { f: "f32(is_inf(x))", dtype: "bool" },
  IsNan: { f: "f32(is_nan(x))", dtype: "bool" },
  LeakyRelu: { f: "select(x, u.p * x, x < 0)", parameters: ["alpha"], dtype: "float32" },
  Log: { f: "logarithm(x)" },
  Log1p: { f: "select(log1p(x), logarithm(1 + x), x <= -1)" },
  LogicalNot: { f: "f32(x == 0)", dtype: "bool" },
  Neg: { f: "-x", integers: true },
  Reciprocal: { f: "1 / x" },
  // A choice by `x < 0` lost NaN on an NVIDIA card.
  Relu: { f: "select(max(x, 0), x, is_nan(x))" },
  Relu6: { f: "select(min(max(x, 0), 6), x, is_nan(x))" },
  Round: { f: "round(x)" },
  Rsqrt: { f: "1 / root(x)" },
  Selu: { f: "1.0507009873554805 * select(x, 1.6732632423543772 * expm1(x), x < 0)" },
  Sigmoid: { f: "1 / (1 + exp(-x))" },
  // NaN has no sign.
  Sign: { f: "f32(x > 0) - f32(x < 0)" },
  Sin: { f: "sine(x)", angle: true },
  Sinh: { f: "select(0.5 * (exp(x) - exp(-x)), x + x * x * x / 6, abs(x) < 0.03)" },
  Softplus: { f: "select(max(x, 0) + log1p(exp(-abs(x))), x, is_nan(x))" },
  Sqrt: { f: "root(x)" },
  Square: { f: "x * x", integers: true },
  Step: { f: "select(select(u.p, 1.0, x > 0), x, is_nan(x))", parameters: ["alpha"] },
  Tan: { f: "tangent(x)", angle: true },
  Tanh: { f: "select(tanh(clamp(x, -15, 15)), x, is_nan(x) || abs(x) < 1e-4)" },
};

/** `Abs` ... `Tanh`. */
export function unaryKernels(): GpuKernel[] {
  return Object.entries(OPERATIONS).map(([name, operation]) => ({
    name,
    run: (call) => unary(name, operation, call),
  }));
}

function unary(name: string, operation: Operation, { inputs: { x }, attrs, backend }: KernelCall) {
  const output = backend.output(x.shape, operation.dtype ?? x.dtype);
  const [p = 0, q = 0] = (operation.parameters ?? []).map((key) => attrs[key] as number);
  const vectors = Math.ceil(sizeOf(x) / 4);
  backend.run({
    shader,
    variant: {
      name,
      from: x.dtype === "float32" ? "f32" : "i32",
      to: output.dtype === "float32" ? "f32" : "i32",
      workgroup: backend.tiles.flat,
    },
    reads: [x],
    writes: [output],
    uniforms: { count: vectors, p, q, zero: 0 },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  return output;
}

/** Four elements an invocation; integers go through float unless the operation takes them. */
const shader: Shader<{ name: string; from: string; to: string; workgroup: number }> = {
  name: "unary",
  source: ({ name, from, to, workgroup }) => {
    const { f, integers, angle } = OPERATIONS[name];
    const type = integers ? from : "f32";
    return {
      reads: { input: `vec4<${from}>` },
      writes: { output: `vec4<${to}>` },
      uniforms: { count: "u32", p: "f32", q: "f32", ...ZERO },
      code: FUNCTIONS + (angle ? ANGLES : "") + `
fn operation(x: ${type}) -> ${to} { return ${to}(${f}); }` +
        flatMain(
          workgroup,
          `let v = vec4<${type}>(input[i]);
  output[i] = vec4<${to}>(operation(v.x), operation(v.y), operation(v.z), operation(v.w));`,
        ),
    };
  },
};

/** Series near 0, where the plain formula loses its digits, and Abramowitz and Stegun's 7.1.26. */
const FUNCTIONS = FLOAT_BITS + `
fn log1p(x: f32) -> f32 {
  let y = 1 + x;
  // The rounding of 1 + x cancels in the quotient (Kahan).
  return select(select(log(y) * (x / (y - 1)), log(y), is_inf(y)), x, y == 1);
}
fn expm1(x: f32) -> f32 {
  let y = exp(x);
  return select(y - 1, x * (1 + x * (0.5 + x * (0.16666667 + x * 0.041666668))), abs(x) < 0.1);
}
// exp() by way of exp2() loses digits as x grows: here x = k log 2 + r, with log 2 in two parts.
fn exponential(x: f32) -> f32 {
  let at = clamp(x, -104, 89);
  let k = round(at * 1.4426950408889634);
  let r = (at - k * 0.693359375) + k * 2.12194440e-4;
  let p = 1 + r * (1 + r * (0.5 + r * (0.16666667 + r * (0.041666668 + r * (8.3333333e-3 + r *
    (1.3888889e-3 + r * 1.984127e-4))))));
  // Half of the power at a time: the whole one may lie outside the range of floats.
  let half = i32(k) / 2;
  return select(ldexp(ldexp(p, half), i32(k) - half), x, is_nan(x));
}
fn logarithm(x: f32) -> f32 {
  return select(select(log(x), -infinity(), x == 0), nan(), x < 0 || is_nan(x));
}
fn root(x: f32) -> f32 { return select(sqrt(x), nan(), x < 0 || is_nan(x)); }
fn erf(x: f32) -> f32 {
  let t = 1 / (1 + 0.3275911 * abs(x));
  let p = ((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t + 0.254829592;
  return sign(x) * (1 - p * t * exp(-x * x));
}
`;
