/**
 * Maximum pooling `[B,H,W,C]` that also tells where the maxima are.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import {
  OUTPUT_PLACE,
  overTaps,
  taps,
  WINDOW_UNIFORMS,
  WINDOWS,
  windowValues,
} from "./windows/windows.ts";

/** `MaxPoolWithArgmax`. */
export function poolArgmaxKernels(): GpuKernel[] {
  return [{ name: "MaxPoolWithArgmax", run: maxPool }];
}

/** Maxima and their flat indices in the image, or in the batch where `includeBatchInIndex`. */
function maxPool({ inputs: { x }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const info = tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
  );
  const outputs = [backend.output(info.outShape, x.dtype), backend.output(info.outShape, "int32")];
  const count = sizeOf(outputs[0]);
  backend.run({
    shader,
    variant: { batch: Boolean(attrs.includeBatchInIndex), workgroup: backend.tiles.flat },
    reads: [x],
    writes: outputs,
    uniforms: { count, ...windowValues(info) },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: taps(info),
  });
  return outputs;
}

const shader: Shader<{ batch: boolean; workgroup: number }> = {
  name: "pool with places",
  source: ({ batch, workgroup }) => ({
    reads: { x: "f32" },
    writes: { output: "f32", places: "i32" },
    uniforms: { count: "u32", ...WINDOW_UNIFORMS },
    code: WINDOWS + flatMain(
      workgroup,
      `${OUTPUT_PLACE}
  var largest = -3.4028234e38;
  var place = -1;
  ${
        overTaps(`let value = x[at_input(n, p, c)];
    if (value > largest) {
      largest = value;
      place = at_input(${batch ? "n" : "0"}, p, c);
    }`)
      }
  output[i] = largest;
  places[i] = place;`,
    ),
  }),
};
