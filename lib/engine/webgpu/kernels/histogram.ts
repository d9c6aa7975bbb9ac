/**
 * Counts of integers, plain or weighted.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Bincount` and `DenseBincount`. */
export function histogramKernels(): GpuKernel[] {
  return [
    {
      name: "Bincount",
      run: (call) => {
        const { x, weights } = call.inputs;
        return count({ ...call, inputs: { x: { ...x, shape: [sizeOf(x)] }, weights } });
      },
    },
    { name: "DenseBincount", run: count },
  ];
}

/**
 * `[N]` to `[size]`, or rows `[B,N]` to `[B,size]` (`Bincount` takes all for one row); integers from size on are left out.
 *
 * @throws where the host knows of a negative one; the GPU leaves it out.
 */
function count({ inputs: { x, weights }, attrs, backend }: KernelCall): tf.TensorInfo {
  refuseNegative(backend, x);
  const size = attrs.size as number;
  const length = x.shape[x.shape.length - 1];
  const output = backend.output([...x.shape.slice(0, -1), size], weights.dtype);
  const weighted = sizeOf(weights) > 0;
  const kind = attrs.binaryOutput ? "binary" : weighted ? "weighted" : "plain";
  backend.run({
    shader,
    variant: { kind, type: elementType(weights.dtype), workgroup: backend.tiles.flat },
    reads: kind === "weighted" ? [x, weights] : [x],
    writes: [output],
    uniforms: { count: sizeOf(output), size, length },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
    iterations: length,
  });
  return output;
}

function refuseNegative(backend: WebGpuBackend, x: tf.TensorInfo): void {
  for (const value of backend.valuesOf(x) as Int32Array | undefined ?? []) {
    if (value < 0) throw new Error("Input x must be non-negative!");
  }
}

/** Every bin looks through all integers of its row, in their order. */
const shader: Shader<{ kind: string; type: string; workgroup: number }> = {
  name: "histogram",
  source: ({ kind, type, workgroup }) => ({
    reads: { x: "i32", ...(kind === "weighted" ? { weights: type } : {}) },
    writes: { output: type },
    uniforms: { count: "u32", size: "u32", length: "u32" },
    code: flatMain(
      workgroup,
      `let base = i / u.size * u.length;
  var sum = ${type}();
  for (var k = base; k < base + u.length; k++) {
    if (x[k] == i32(i % u.size)) { sum ${
        kind === "binary" ? "= 1" : kind === "weighted" ? "+= weights[k]" : "+= 1"
      }; }
  }
  output[i] = sum;`,
    ),
  }),
};
