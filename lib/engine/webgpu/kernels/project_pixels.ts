/**
 * Where pixels of known depth lie in another view, and the gradients of those positions.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { addParts } from "./reduce.ts";

/** `ProjectPixels` and `ProjectPixelsGrad`, kernels of this project (lib/ops/project_pixels.ts). */
export function projectPixelsKernels(): GpuKernel[] {
  return [{ name: "ProjectPixels", run: project }, { name: "ProjectPixelsGrad", run: gradient }];
}

function project({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { disparity, projection } = inputs;
  const [batch, height, width] = disparity.shape;
  const output = backend.output([batch, height, width, 2]);
  run(backend, projectShader, [disparity, projection], output, {
    count: sizeOf(disparity),
    height,
    width,
    least: attrs.least as number,
  });
  return output;
}

/** Of the input that the attribute `of` names; that of a projection by columns of pixels, which are then added up. */
function gradient({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { dy, disparity, projection } = inputs;
  const [batch, height, width] = disparity.shape;
  const reads = [disparity, projection, dy];
  const sizes = { height, width, least: attrs.least as number };
  if (attrs.of === "disparity") {
    const output = backend.output(disparity.shape);
    run(backend, disparityShader, reads, output, { count: sizeOf(disparity), ...sizes });
    return output;
  }
  const parts = backend.output([width, ...projection.shape]);
  run(backend, projectionShader, reads, parts, { count: batch * width, ...sizes });
  return addParts(backend, parts);
}

interface Uniforms {
  readonly [name: string]: number;
  /** Invocations. */
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly least: number;
}

function run(
  backend: KernelCall["backend"],
  shader: Shader<{ workgroup: number }>,
  reads: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
  uniforms: Uniforms,
): void {
  const workgroup = backend.tiles.flat;
  const groups = flatGroups(uniforms.count, workgroup);
  const iterations = shader === projectionShader ? uniforms.height : 0;
  backend.run({
    shader,
    variant: { workgroup },
    reads,
    writes: [output],
    uniforms,
    groups,
    iterations,
  });
}

const UNIFORMS = { count: "u32", height: "u32", width: "u32", least: "f32" } as const;

/** The pixel (x, y, 1, d) of a frame by the frame's projection. */
const PROJECT = `
fn projected(frame: u32, pixel: vec4<f32>) -> vec3<f32> {
  let at = 3 * frame;
  return vec3<f32>(
    dot(projection[at], pixel), dot(projection[at + 1], pixel), dot(projection[at + 2], pixel));
}
fn at_least(z: f32) -> f32 { return select(z, u.least, z < u.least); }
`;

/** What the three projected numbers are to be changed by, given what the position is. */
const SLOPES = `
fn slopes(q: vec3<f32>, dy: vec2<f32>) -> vec3<f32> {
  let z = at_least(q.z);
  let across = dy / z;
  return vec3<f32>(across, select(-dot(across, q.xy) / z, 0.0, q.z < u.least));
}
`;

/** The place of invocation i, which is a pixel. */
const PIXEL = `
  let frame = i / (u.width * u.height);
  let pixel = vec4<f32>(f32(i % u.width), f32(i / u.width % u.height), 1, disparity[i]);`;

const projectShader: Shader<{ workgroup: number }> = {
  name: "project pixels",
  source: ({ workgroup }) => ({
    reads: { disparity: "f32", projection: "vec4<f32>" },
    writes: { output: "vec2<f32>" },
    uniforms: UNIFORMS,
    code: PROJECT + flatMain(
      workgroup,
      `${PIXEL}
  let q = projected(frame, pixel);
  output[i] = q.xy / at_least(q.z);`,
    ),
  }),
};

const disparityShader: Shader<{ workgroup: number }> = {
  name: "projected pixels' gradient in disparity",
  source: ({ workgroup }) => ({
    reads: { disparity: "f32", projection: "vec4<f32>", dy: "vec2<f32>" },
    writes: { output: "f32" },
    uniforms: UNIFORMS,
    code: PROJECT + SLOPES + flatMain(
      workgroup,
      `${PIXEL}
  let s = slopes(projected(frame, pixel), dy[i]);
  let at = 3 * frame;
  output[i] = dot(s, vec3<f32>(projection[at].w, projection[at + 1].w, projection[at + 2].w));`,
    ),
  }),
};

/** An invocation adds up a column of a frame's pixels, so that neighbours read what lies side by side. */
const projectionShader: Shader<{ workgroup: number }> = {
  name: "projected pixels' gradient in projection",
  source: ({ workgroup }) => ({
    reads: { disparity: "f32", projection: "vec4<f32>", dy: "vec2<f32>" },
    writes: { parts: "vec4<f32>" },
    uniforms: UNIFORMS,
    code: PROJECT + SLOPES + flatMain(
      workgroup,
      `let frame = i / u.width;
  let x = i % u.width;
  var right = vec4<f32>();
  var down = vec4<f32>();
  var along = vec4<f32>();
  for (var y = 0u; y < u.height; y++) {
    let at = (frame * u.height + y) * u.width + x;
    let pixel = vec4<f32>(f32(x), f32(y), 1, disparity[at]);
    let s = slopes(projected(frame, pixel), dy[at]);
    right += s.x * pixel;
    down += s.y * pixel;
    along += s.z * pixel;
  }
  let to = 3 * (x * (u.count / u.width) + frame);
  parts[to] = right;
  parts[to + 1] = down;
  parts[to + 2] = along;`,
    ),
  }),
};
