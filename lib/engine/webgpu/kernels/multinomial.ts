/**
 * Samples of discrete distributions.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { randomStream } from "../../../random.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { softmaxOf } from "./softmax.ts";

/** `Multinomial`. */
export function multinomialKernels(): GpuKernel[] {
  return [{ name: "Multinomial", run: multinomial }];
}

/** Logits, or probabilities where `normalized`, `[B,N]` to classes `[B,numSamples]`. */
function multinomial({ inputs: { logits }, attrs, backend }: KernelCall): tf.TensorInfo {
  const { numSamples, seed, normalized } = attrs as Record<string, number>;
  const [batch, classes] = logits.shape;
  const output = backend.output([batch, numSamples], "int32");
  const count = sizeOf(output);
  const random = randomStream(seed, "multinomial");
  const numbers = Float32Array.from({ length: count }, () => random.uniform());
  const draws = backend.known([count], "float32", numbers);
  const chances = normalized ? backend.alias(logits, logits.shape) : softmaxOf(backend, logits);
  backend.run({
    shader,
    variant: { workgroup: backend.tiles.flat },
    reads: [chances, draws],
    writes: [output],
    uniforms: { count, classes, each: numSamples },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: classes,
  });
  backend.release(chances, draws);
  return output;
}

/** The first class at which the sum of probabilities exceeds the random number; else the last. */
const shader: Shader<{ workgroup: number }> = {
  name: "multinomial",
  source: ({ workgroup }) => ({
    reads: { chances: "f32", draws: "f32" },
    writes: { output: "u32" },
    uniforms: { count: "u32", classes: "u32", each: "u32" },
    code: flatMain(
      workgroup,
      `let base = i / u.each * u.classes;
  var sum = 0.0;
  var chosen = 0u;
  for (; chosen < u.classes - 1; chosen++) {
    sum += chances[base + chosen];
    if (draws[i] < sum) { break; }
  }
  output[i] = chosen;`,
    ),
  }),
};
