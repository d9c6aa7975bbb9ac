/**
 * Parameter updates in place, of many parameters at a time. The tensors that are written are variables' own:
 * nobody else may hold their memory.
 *
 * @module
 */

import { itemsOf } from "../../listed.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Scalar, type Shader } from "../program.ts";

/** `AdamUpdate` and `SgdUpdate`, kernels of this project (lib/nn/optimizers.ts). */
export function optimizerKernels(): GpuKernel[] {
  return [
    {
      name: "AdamUpdate",
      run(call) {
        const { learningRate, beta1, beta2, epsilon, weightDecay, step } = call.attrs as Numbers;
        return update(call, adam, false, {
          beta1,
          beta2,
          epsilon,
          decay: weightDecay,
          rate: learningRate / (1 - beta1 ** step),
          unbias: 1 / (1 - beta2 ** step),
        });
      },
    },
    {
      name: "SgdUpdate",
      run(call) {
        const { learningRate, momentum, weightDecay } = call.attrs as Numbers;
        return update(call, sgd, Boolean(call.attrs.nesterov), {
          rate: learningRate,
          momentum,
          decay: weightDecay,
        });
      },
    },
  ];
}

type Numbers = Record<string, number>;

/** An update rule for each element of a parameter. */
interface Rule {
  readonly name: string;
  /** What is kept beside each parameter. */
  readonly moments: readonly string[];
  /** What is the same for all elements. */
  readonly numbers: readonly string[];
  /** @param names of the buffers, an element of which is meant; they are changed in place. */
  code(names: { readonly [tensor: string]: string }, nesterov: boolean): string;
}

const adam: Rule = {
  name: "Adam",
  moments: ["m", "v"],
  numbers: ["beta1", "beta2", "epsilon", "decay", "rate", "unbias"],
  code: ({ param, grad, m, v }) => `
    let g = ${grad} + u.decay * ${param};
    let first = ${m} + (1 - u.beta1) * (g - ${m});
    let second = ${v} + (1 - u.beta2) * (g * g - ${v});
    ${m} = first;
    ${v} = second;
    ${param} -= u.rate * first / (sqrt(second * u.unbias) + u.epsilon);`,
};

const sgd: Rule = {
  name: "SGD",
  moments: ["velocity"],
  numbers: ["rate", "momentum", "decay"],
  code: ({ param, grad, velocity }, nesterov) => `
    let g = ${grad} + u.decay * ${param};
    let next = u.momentum * ${velocity} + g;
    ${velocity} = next;
    ${param} -= u.rate * ${nesterov ? "(g + u.momentum * next)" : "next"};`,
};

/** Updates as many parameters at a time as are fastest, and as the device lets one kernel write. */
function update(
  { inputs, backend }: KernelCall,
  rule: Rule,
  nesterov: boolean,
  numbers: Readonly<Numbers>,
): [] {
  const written = ["param", ...rule.moments];
  const items = itemsOf(inputs);
  const most = Math.min(
    backend.tiles.parameters,
    Math.floor(backend.mostBindings / (written.length + 1)),
  );
  for (let begin = 0; begin < items.length; begin += most) {
    const some = items.slice(begin, begin + most);
    const ends = some.map(() => 0);
    let count = 0;
    some.forEach(({ param }, k) => ends[k] = count += Math.ceil(sizeOf(param) / 4));
    backend.run({
      shader: shaderOf(rule),
      variant: { nesterov, parameters: some.length, workgroup: backend.tiles.flat },
      reads: some.map(({ grad }) => grad),
      writes: some.flatMap((item) => written.map((name) => item[name])),
      uniforms: {
        count,
        ...numbers,
        ...Object.fromEntries(ends.map((end, k) => [`end${k}`, end])),
      },
      groups: flatGroups(count, backend.tiles.flat),
    });
  }
  return [];
}

interface UpdateVariant {
  readonly [key: string]: number | boolean;
  readonly nesterov: boolean;
  readonly parameters: number;
  readonly workgroup: number;
}

/** The elements of all parameters are one after the other; `end<k>` is where those of parameter k end. */
function shaderOf({ name, moments, numbers, code }: Rule): Shader<UpdateVariant> {
  const written = ["param", ...moments];
  return {
    name,
    source({ nesterov, parameters, workgroup }) {
      const places = Array.from({ length: parameters }, (_, k) => k);
      const buffers = (names: readonly string[]) =>
        Object.fromEntries(
          places.flatMap((k) => names.map((name) => [`${name}${k}`, "vec4<f32>"])),
        );
      const element = (k: number) =>
        Object.fromEntries([...written, "grad"].map((name) => [name, `${name}${k}[at]`]));
      return {
        reads: buffers(["grad"]),
        writes: buffers(written),
        uniforms: {
          count: "u32",
          ...Object.fromEntries(numbers.map((name): [string, Scalar] => [name, "f32"])),
          ...Object.fromEntries(places.map((k): [string, Scalar] => [`end${k}`, "u32"])),
        },
        code: flatMain(
          workgroup,
          places.map((k) => `
  ${k > 0 ? "else " : ""}if (i < u.end${k}) {
    let at = i${k > 0 ? ` - u.end${k - 1}` : ""};${code(element(k), nesterov)}
  }`).join(""),
        ),
      };
    },
  };
}
