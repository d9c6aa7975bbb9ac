/**
 * Choosing element by element between two tensors.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { cast } from "./cast.ts";

/** `Select`: the condition has the shape of t and e, or is a list of one flag for each row. */
export function selectKernels(): GpuKernel[] {
  return [{ name: "Select", run: select }];
}

function select({ inputs: { condition, t, e }, backend }: KernelCall): tf.TensorInfo {
  const dtype = tf.upcastType(t.dtype, e.dtype);
  const output = backend.output(t.shape, dtype);
  const sides = [t, e].map((side) => cast(backend, side, dtype));
  backend.run({
    shader,
    variant: { type: elementType(dtype), workgroup: backend.tiles.flat },
    reads: [condition, ...sides],
    writes: [output],
    uniforms: { count: sizeOf(output), row: sizeOf(output) / sizeOf(condition) },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  backend.release(...sides);
  return output;
}

const shader: Shader<{ type: string; workgroup: number }> = {
  name: "select",
  source: ({ type, workgroup }) => ({
    reads: { condition: "i32", chosen: type, otherwise: type },
    writes: { output: type },
    uniforms: { count: "u32", row: "u32" },
    code: flatMain(
      workgroup,
      "output[i] = select(otherwise[i], chosen[i], condition[i / u.row] != 0);",
    ),
  }),
};
