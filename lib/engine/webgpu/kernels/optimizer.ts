/**
 * Parameter updates in place. The tensors that are written are variables' own: nobody else may hold
 * their memory.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `AdamUpdate` and `SgdUpdate`, kernels of this project (lib/nn/optimizers.ts). */
export function optimizerKernels(): GpuKernel[] {
  return [{ name: "AdamUpdate", run: adam }, { name: "SgdUpdate", run: sgd }];
}

function adam({ inputs: { param, grad, m, v }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs as Record<
    string,
    number
  >;
  const vectors = Math.ceil(sizeOf(param) / 4);
  backend.run({
    shader: adamShader,
    variant: { workgroup: backend.tiles.flat },
    reads: [grad],
    writes: [param, m, v],
    uniforms: {
      count: vectors,
      beta1,
      beta2,
      epsilon,
      decay: weightDecay,
      rate: learningRate / (1 - beta1 ** step),
      unbias: 1 / (1 - beta2 ** step),
    },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  return [];
}

const adamShader: Shader<{ workgroup: number }> = {
  name: "Adam",
  source: ({ workgroup }) => ({
    reads: { grad: "vec4<f32>" },
    writes: { param: "vec4<f32>", m: "vec4<f32>", v: "vec4<f32>" },
    uniforms: {
      count: "u32",
      beta1: "f32",
      beta2: "f32",
      epsilon: "f32",
      decay: "f32",
      rate: "f32",
      unbias: "f32",
    },
    code: flatMain(
      workgroup,
      `let g = grad[i] + u.decay * param[i];
  let first = m[i] + (1 - u.beta1) * (g - m[i]);
  let second = v[i] + (1 - u.beta2) * (g * g - v[i]);
  m[i] = first;
  v[i] = second;
  param[i] -= u.rate * first / (sqrt(second * u.unbias) + u.epsilon);`,
    ),
  }),
};

function sgd({ inputs: { param, grad, velocity }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { learningRate, momentum, weightDecay } = attrs as Record<string, number>;
  const vectors = Math.ceil(sizeOf(param) / 4);
  backend.run({
    shader: sgdShader,
    variant: { nesterov: Boolean(attrs.nesterov), workgroup: backend.tiles.flat },
    reads: [grad],
    writes: [param, velocity],
    uniforms: { count: vectors, rate: learningRate, momentum, decay: weightDecay },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  return [];
}

const sgdShader: Shader<{ nesterov: boolean; workgroup: number }> = {
  name: "SGD",
  source: ({ nesterov, workgroup }) => ({
    reads: { grad: "vec4<f32>" },
    writes: { param: "vec4<f32>", velocity: "vec4<f32>" },
    uniforms: { count: "u32", rate: "f32", momentum: "f32", decay: "f32" },
    code: flatMain(
      workgroup,
      `let g = grad[i] + u.decay * param[i];
  let next = u.momentum * velocity[i] + g;
  velocity[i] = next;
  param[i] -= u.rate * ${nesterov ? "(g + u.momentum * next)" : "next"};`,
    ),
  }),
};
