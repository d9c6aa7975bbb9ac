/**
 * Where the extremes along an axis are.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `ArgMax` and `ArgMin`: the first of equal ones. */
export function argKernels(): GpuKernel[] {
  return [
    { name: "ArgMax", run: (call) => arg(call, ">") },
    { name: "ArgMin", run: (call) => arg(call, "<") },
  ];
}

/** Shape rule: the axis goes. */
function arg({ inputs: { x }, attrs, backend }: KernelCall, better: string): tf.TensorInfo {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const output = backend.output(x.shape.toSpliced(axis, 1), "int32");
  backend.run({
    shader,
    variant: { better, type: elementType(x.dtype), workgroup: backend.tiles.flat },
    reads: [x],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      extent: x.shape[axis],
      inner: tf.util.sizeFromShape(x.shape.slice(axis + 1)),
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
    iterations: x.shape[axis],
  });
  return output;
}

const shader: Shader<{ better: string; type: string; workgroup: number }> = {
  name: "arg",
  source: ({ better, type, workgroup }) => ({
    reads: { x: type },
    writes: { output: "u32" },
    uniforms: { count: "u32", extent: "u32", inner: "u32" },
    code: flatMain(
      workgroup,
      `let base = i / u.inner * u.extent * u.inner + i % u.inner;
  var best = x[base];
  var place = 0u;
  for (var k = 1u; k < u.extent; k++) {
    let value = x[base + k * u.inner];
    if (value ${better} best) { best = value; place = k; }
  }
  output[i] = place;`,
    ),
  }),
};
