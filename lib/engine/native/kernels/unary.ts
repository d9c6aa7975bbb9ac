/**
 * Element-wise operations on one tensor.
 *
 * @module
 */

import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

/** The library's codes, and the attributes that become its two parameters. */
const KERNELS: Readonly<Record<string, { code: number; parameters?: readonly string[] }>> = {
  Neg: { code: 0 },
  Abs: { code: 1 },
  Square: { code: 2 },
  Sqrt: { code: 3 },
  Rsqrt: { code: 4 },
  Reciprocal: { code: 5 },
  Exp: { code: 6 },
  Log: { code: 7 },
  Sigmoid: { code: 8 },
  Relu: { code: 9 },
  Relu6: { code: 10 },
  Elu: { code: 11 },
  LeakyRelu: { code: 12, parameters: ["alpha"] },
  ClipByValue: { code: 13, parameters: ["clipValueMin", "clipValueMax"] },
  Step: { code: 14, parameters: ["alpha"] },
  Tanh: { code: 15 },
  Log1p: { code: 16 },
  Softplus: { code: 17 },
  Floor: { code: 18 },
  Ceil: { code: 19 },
  Sign: { code: 20 },
};

/** `Neg` ... `Sign`. */
export function unaryKernels(): NativeKernel[] {
  return Object.entries(KERNELS).map(([name, { code, parameters = [] }]) => ({
    name,
    run: ({ inputs: { x }, attrs, backend }: KernelCall) => {
      if (!areFloats(x)) return undefined;
      const output = backend.output(x.shape);
      const [p = 0, q = 0] = parameters.map((parameter) => attrs[parameter] as number);
      backend.library.check(backend.library.symbols.cpcdr_unary(
        code,
        backend.floats(x),
        output.values,
        BigInt(output.values.length),
        p,
        q,
      ));
      return output.info;
    },
  }));
}
