/**
 * What an operand of a product is multiplied by before it becomes float16, whose range is small: a power of two, so that
 * nothing is rounded by it, which brings the largest number to 1..2.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { sizeOf } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { reduce } from "../reduce.ts";

/** The factor of a tensor of floats and its inverse, `[2]`; both are 1 where all numbers are 0 or some are not finite. */
export function factorScale(backend: WebGpuBackend, x: tf.TensorInfo): tf.TensorInfo {
  const largest = reduce(backend, "MaxSize", { ...x, shape: [sizeOf(x)] }, [0], false);
  const output = backend.output([2]);
  backend.run({
    shader,
    variant: {},
    reads: [largest],
    writes: [output],
    uniforms: { zero: 0 },
    groups: [1, 1, 1],
  });
  backend.release(largest);
  return output;
}

const shader: Shader<Record<never, never>> = {
  name: "scale of factors",
  // By bits, so that it is exact on every device. The largest exponents' inverses would be no normal numbers.
  source: () => ({
    reads: { largest: "u32" },
    writes: { output: "f32" },
    uniforms: { zero: "u32" },
    code: `
@compute @workgroup_size(1)
fn main() {
  let exponent = (largest[0] >> 23) & 255;
  let usable = exponent > 0 && exponent < 253;
  output[0] = select(1.0, bitcast<f32>((254 - exponent) << 23), usable);
  output[1] = select(1.0, bitcast<f32>(exponent << 23), usable);
}`,
  }),
};
