/**
 * Running sums and products along an axis.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";

/** `Cumsum` and `Cumprod`. */
export function cumulativeKernels(): GpuKernel[] {
  return [
    { name: "Cumsum", run: (call) => cumulate(call, "+") },
    { name: "Cumprod", run: (call) => cumulate(call, "*") },
  ];
}

/** Each invocation walks one line, from either end, with or without the element itself. */
function cumulate({ inputs: { x }, attrs, backend }: KernelCall, operator: "+" | "*") {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const dtype = x.dtype === "bool" ? "int32" : x.dtype;
  const output = backend.output(x.shape, dtype);
  const extent = x.shape[axis];
  const lines = extent === 0 ? 0 : sizeOf(x) / extent;
  backend.run({
    shader,
    variant: {
      operator,
      exclusive: Boolean(attrs.exclusive),
      type: elementType(dtype),
      workgroup: backend.tiles.flat,
    },
    reads: [x],
    writes: [output],
    uniforms: {
      count: lines,
      extent,
      inner: tf.util.sizeFromShape(x.shape.slice(axis + 1)),
      reversed: Number(attrs.reverse ?? false),
    },
    groups: flatGroups(lines, backend.tiles.flat),
    iterations: extent,
  });
  return output;
}

const shader: Shader<{
  operator: "+" | "*";
  exclusive: boolean;
  type: string;
  workgroup: number;
}> = {
  name: "cumulative",
  source: ({ operator, exclusive, type, workgroup }) => ({
    reads: { x: type },
    writes: { output: type },
    uniforms: { count: "u32", extent: "u32", inner: "u32", reversed: "u32" },
    code: flatMain(
      workgroup,
      `let base = i / u.inner * u.extent * u.inner + i % u.inner;
  var sum = ${type}(${operator === "+" ? 0 : 1});
  for (var k = 0u; k < u.extent; k++) {
    let at = base + select(k, u.extent - 1 - k, u.reversed == 1) * u.inner;
    let next = sum ${operator} x[at];
    output[at] = ${exclusive ? "sum" : "next"};
    sum = next;
  }`,
    ),
  }),
};
