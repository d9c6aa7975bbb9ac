/**
 * Maximum and average pooling of volumes `[B,D,H,W,C]`, and their gradients.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import {
  INPUT_PLACE,
  OUTPUT_PLACE,
  overTaps,
  overWindows,
  WINDOW_UNIFORMS,
  WINDOWS,
  windowValues,
  winner,
} from "./windows.ts";

type Kind = "max" | "average";

/** `MaxPool3D`, `AvgPool3D`, `MaxPool3DGrad` and `AvgPool3DGrad`. */
export function pool3dKernels(): GpuKernel[] {
  return [
    { name: "MaxPool3D", run: (call) => forward(call, "max") },
    { name: "AvgPool3D", run: (call) => forward(call, "average") },
    { name: "MaxPool3DGrad", run: (call) => gradient(call, "max") },
    { name: "AvgPool3DGrad", run: (call) => gradient(call, "average") },
  ];
}

function geometry({ attrs }: KernelCall, shape: number[]) {
  return tf.backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | undefined,
    attrs.dataFormat as "NDHWC" | undefined,
  );
}

function forward(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { x } = call.inputs;
  const info = geometry(call, x.shape);
  return run(call, forwardShader, kind, info, [x], info.outShape);
}

function gradient(call: KernelCall, kind: Kind): tf.TensorInfo {
  const { dy, input } = call.inputs;
  const info = geometry(call, input.shape);
  return run(call, gradientShader, kind, info, kind === "max" ? [dy, input] : [dy], input.shape);
}

interface PoolVariant {
  readonly [key: string]: string | number;
  readonly kind: Kind;
  readonly workgroup: number;
}

function run(
  { backend }: KernelCall,
  shader: Shader<PoolVariant>,
  kind: Kind,
  info: ReturnType<typeof geometry>,
  reads: readonly tf.TensorInfo[],
  shape: readonly number[],
): tf.TensorInfo {
  const output = backend.output(shape);
  backend.run({
    shader,
    variant: { kind, workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: { count: sizeOf(output), ...windowValues(info) },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

const UNIFORMS = { count: "u32", ...WINDOW_UNIFORMS } as const;

/** An average counts the elements of the input alone. */
const forwardShader: Shader<PoolVariant> = {
  name: "3-D pool",
  source: ({ kind, workgroup }) => ({
    reads: { x: "f32" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + flatMain(
      workgroup,
      `${OUTPUT_PLACE}
  var sum = ${kind === "max" ? "-3.4028234e38" : "0.0"};
  var count = 0.0;
  ${
        overTaps(`let value = x[at_input(n, p, c)];
    sum = ${kind === "max" ? "max(sum, value)" : "sum + value"};
    count += 1;`)
      }
  output[i] = sum${kind === "max" ? "" : " / max(count, 1)"};`,
    ),
  }),
};

/**
 * A maximum gives all to the last of its window that has it; an average shares out by the window's size
 * also over the border, both as tfjs-core defines it.
 */
const gradientShader: Shader<PoolVariant> = {
  name: "3-D pool's gradient",
  source: ({ kind, workgroup }) => ({
    reads: { dy: "f32", ...(kind === "max" ? { x: "f32" } : {}) },
    writes: { dx: "f32" },
    uniforms: UNIFORMS,
    code: WINDOWS + (kind === "max" ? VALUE + winner("last") : "") + flatMain(
      workgroup,
      `${INPUT_PLACE}
  var sum = 0.0;
  ${
        overWindows(
          kind === "max"
            ? "if (wins(n, o, k, c)) { sum += dy[at_output(n, o, c)]; }"
            : "sum += dy[at_output(n, o, c)];",
        )
      }
  dx[i] = sum${kind === "max" ? "" : " / f32(volume(window_size()))"};`,
    ),
  }),
};

const VALUE = `
fn value_at(n: i32, p: vec3<i32>, f: vec3<i32>, c: i32) -> f32 { return x[at_input(n, p, c)]; }`;
