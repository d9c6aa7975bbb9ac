/**
 * What follows a matrix product or a convolution: bias and activation, in one pass.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../../errors.ts";
import { type KernelCall, sizeOf } from "../../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../../program.ts";
import { binary } from "../binary.ts";
import { activation as activationCode, isActivation } from "./matrix_tile.ts";

/**
 * Does what the attributes of a fused kernel ask for, with tfjs-core's names; takes over `x`.
 *
 * @throws {DeviceError} when the activation is not known.
 */
export function finish({ inputs, attrs, backend }: KernelCall, x: tf.TensorInfo): tf.TensorInfo {
  // With channels first, what there is one of per channel is broadcast along rows and columns.
  const perChannel = (values: tf.TensorInfo | undefined) =>
    values && attrs.dataFormat === "NCHW" && values.shape.length === 1
      ? { ...values, shape: [values.shape[0], 1, 1] }
      : values;
  const bias = perChannel(inputs.bias), prelu = perChannel(inputs.preluActivationWeights);
  const { activation = "linear", leakyreluAlpha: alpha = 0 } = attrs as {
    activation?: string;
    leakyreluAlpha?: number;
  };
  const biased = bias ? binary(backend, "Add", x, bias) : backend.alias(x, x.shape);
  backend.release(x);
  if (activation === "linear") return biased;
  if (activation === "prelu" && prelu) {
    const result = binary(backend, "Prelu", biased, prelu);
    backend.release(biased);
    return result;
  }
  if (!isActivation(activation)) {
    throw new DeviceError(
      `Cannot fuse an activation: expected linear, relu, relu6, elu, sigmoid, leakyrelu or prelu, ` +
        `got ${activation}`,
    );
  }
  const output = backend.output(x.shape);
  const vectors = Math.ceil(sizeOf(x) / 4);
  backend.run({
    shader,
    variant: { activation, workgroup: backend.tiles.flat },
    reads: [biased],
    writes: [output],
    uniforms: { count: vectors, alpha },
    groups: flatGroups(vectors, backend.tiles.flat),
  });
  backend.release(biased);
  return output;
}

const shader: Shader<{ activation: string; workgroup: number }> = {
  name: "activation",
  source: ({ activation, workgroup }) => ({
    reads: { input: "vec4<f32>" },
    writes: { output: "vec4<f32>" },
    uniforms: { count: "u32", alpha: "f32" },
    code: activationCode(activation) + flatMain(
      workgroup,
      `let v = input[i];
  output[i] = vec4<f32>(activate(v.x), activate(v.y), activate(v.z), activate(v.w));`,
    ),
  }),
};
