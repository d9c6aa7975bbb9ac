/**
 * Complex numbers: a tensor of them is a pair of tensors of floats.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Parts, WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { binary } from "./binary.ts";
import { cast } from "./cast.ts";
import { filled } from "./fill.ts";

/** `Complex`, `Real`, `Imag` and `ComplexAbs`. */
export function complexKernels(): GpuKernel[] {
  const part = (index: 0 | 1) => ({ inputs: { input }, backend }: KernelCall) =>
    backend.alias(backend.partsOf(input)[index], input.shape);
  return [
    {
      name: "Complex",
      run: ({ inputs: { real, imag }, backend }) => backend.complex([real, imag]),
    },
    { name: "Real", run: part(0) },
    { name: "Imag", run: part(1) },
    { name: "ComplexAbs", run: magnitude },
  ];
}

function magnitude({ inputs: { x }, backend }: KernelCall): tf.TensorInfo {
  const output = backend.output(x.shape);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads: backend.partsOf(x),
    writes: [output],
    uniforms: { count: sizeOf(x) },
    groups: flatGroups(sizeOf(x), backend.tiles.flat),
  });
  return output;
}

const shader: Shader<{ workgroup: number }> = {
  name: "complex magnitude",
  source: ({ workgroup }) => ({
    reads: { real: "f32", imaginary: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32" },
    // Squares of small numbers would vanish.
    code: flatMain(
      workgroup,
      `let x = abs(real[i]);
  let y = abs(imaginary[i]);
  let large = max(x, y);
  let share = min(x, y) / select(large, 1, large == 0);
  output[i] = large * sqrt(1 + share * share);`,
    ),
  }),
};

/** Kernels that do to a complex tensor what they do to each of its parts. */
const PARTWISE: ReadonlySet<string> = new Set([
  "Add",
  "Concat",
  "GatherNd",
  "GatherV2",
  "Pack",
  "PadV2",
  "Reverse",
  "ScatterNd",
  "Select",
  "Slice",
  "SplitV",
  "StridedSlice",
  "Sub",
  "Sum",
  "Tile",
  "Transpose",
  "Unpack",
  "ZerosLike",
]);

/** Kernels that have a rule of their own. */
const RULES: Readonly<Record<string, GpuKernel["run"]>> = {
  Cast: castComplex,
  Multiply: multiply,
  OnesLike: ({ inputs: { x }, backend }) =>
    paired(backend, (part) => filled(backend, x.shape, "float32", 1 - part)),
};

/** The kernel, which takes complex tensors too where that has a meaning. */
export function withComplex({ name, run }: GpuKernel): GpuKernel {
  const rule = RULES[name] ?? (PARTWISE.has(name) ? partwise(run) : undefined);
  if (!rule) return { name, run };
  return {
    name,
    run: (call) => {
      const complex = Object.values(call.inputs).some((input) => input?.dtype === "complex64") ||
        call.attrs?.dtype === "complex64";
      return complex ? rule(call) : run(call);
    },
  };
}

function partwise(run: GpuKernel["run"]): GpuKernel["run"] {
  return ({ inputs, attrs = {}, backend }) => {
    const of = (part: 0 | 1) => {
      const own = (input: tf.TensorInfo) =>
        input?.dtype === "complex64" ? backend.partsOf(input)[part] : input;
      const chosen = Array.isArray(inputs)
        ? inputs.map(own) as unknown as KernelCall["inputs"]
        : Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, own(input)]));
      // What a real number pads with has no imaginary part.
      const padding = part === 1 && "constantValue" in attrs ? { constantValue: 0 } : {};
      return [run({ inputs: chosen, attrs: { ...attrs, ...padding }, backend })].flat();
    };
    const reals = of(0), imaginaries = of(1);
    const results = reals.map((real, i) =>
      paired(backend, (part) => part === 0 ? real : imaginaries[i])
    );
    return results.length === 1 ? results[0] : results;
  };
}

/** A complex tensor that takes over its parts. */
function paired(backend: WebGpuBackend, part: (index: 0 | 1) => tf.TensorInfo): tf.TensorInfo {
  const parts: Parts = [part(0), part(1)];
  const result = backend.complex(parts);
  backend.release(...parts);
  return result;
}

/** Real numbers get an imaginary part of 0; complex ones lose theirs. */
function castComplex({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo {
  const dtype = attrs.dtype as tf.DataType;
  if (x.dtype !== "complex64") {
    return paired(
      backend,
      (part) => part === 0 ? cast(backend, x, "float32") : filled(backend, x.shape, "float32", 0),
    );
  }
  if (dtype === "complex64") return backend.alias(x, x.shape);
  return cast(backend, backend.partsOf(x)[0], dtype);
}

/** (p + qi) (r + si) = (pr - qs) + (ps + qr) i. */
function multiply({ inputs: { a, b }, backend }: KernelCall): tf.TensorInfo {
  const [p, q] = backend.partsOf(a), [r, s] = backend.partsOf(b);
  const sum = (name: string, one: Parts, other: Parts) => {
    const products = [one, other].map(([x, y]) => binary(backend, "Multiply", x, y));
    const result = binary(backend, name, products[0], products[1]);
    backend.release(...products);
    return result;
  };
  return paired(
    backend,
    (part) => part === 0 ? sum("Sub", [p, r], [q, s]) : sum("Add", [p, s], [q, r]),
  );
}
