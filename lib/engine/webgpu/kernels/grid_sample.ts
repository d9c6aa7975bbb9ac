/**
 * Bilinear sampling of images at positions in pixels, and its gradients.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { spreadToKnown } from "./grid_sample_known.ts";

/** `GridSample` and `GridSampleGrad`, kernels of this project (lib/ops/grid_sample.ts). */
export function gridSampleKernels(): GpuKernel[] {
  return [{ name: "GridSample", run: sample }, { name: "GridSampleGrad", run: gradient }];
}

function sample({ inputs: { x, grid }, attrs, backend }: KernelCall): tf.TensorInfo {
  const [batch, height, width] = grid.shape;
  const output = backend.output([batch, height, width, x.shape[3]]);
  run({ attrs, backend }, forwardShader, [x, grid], output, x, grid, { width: widthOf(x) });
  return output;
}

/** `[dx, dgrid]`, or one of them alone where the attribute `of` is "x" or "grid". */
function gradient({ inputs: { dy, x, grid }, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const gradients: tf.TensorInfo[] = [];
  if (attrs.of !== "grid") {
    const known = backend.valuesOf(grid) as Float32Array | undefined;
    const zeros = attrs.padding === "zeros";
    if (known) gradients.push(spreadToKnown(backend, dy, known, x.shape, zeros));
    else {
      const dx = backend.output(x.shape);
      const iterations = grid.shape[1] * grid.shape[2];
      run({ attrs, backend }, imageShader, [dy, grid], dx, x, grid, {
        width: widthOf(x),
        iterations,
      });
      gradients.push(dx);
    }
  }
  if (attrs.of !== "x") {
    const dgrid = backend.output(grid.shape);
    run({ attrs, backend }, gridShader, [dy, x, grid], dgrid, x, grid, {
      width: 1,
      iterations: x.shape[3],
    });
    gradients.push(dgrid);
  }
  return gradients;
}

function widthOf({ shape }: tf.TensorInfo): number {
  return shape[3] % 4 === 0 ? 4 : 1;
}

interface SampleVariant {
  readonly [key: string]: number | boolean;
  readonly zeros: boolean;
  /** Channels that one invocation looks after at a time. */
  readonly width: number;
  readonly workgroup: number;
}

function run(
  { attrs, backend }: Pick<KernelCall, "attrs" | "backend">,
  shader: Shader<SampleVariant>,
  reads: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
  x: tf.TensorInfo,
  grid: tf.TensorInfo,
  { width, iterations = 0 }: { readonly width: number; readonly iterations?: number },
): void {
  // An invocation of the grid's gradient writes the two numbers of a position.
  const count = sizeOf(output) / (shader === gridShader ? 2 : width);
  backend.run({
    shader,
    variant: { zeros: attrs.padding === "zeros", width, workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: {
      count,
      height: x.shape[1],
      width: x.shape[2],
      channels: x.shape[3] / width,
      places: grid.shape[1] * grid.shape[2],
    },
    groups: flatGroups(count, backend.tiles.flat),
    iterations,
  });
}

const UNIFORMS = {
  count: "u32",
  height: "i32",
  width: "i32",
  channels: "i32",
  places: "i32",
} as const;

const typeOf = (width: number) => width === 4 ? "vec4<f32>" : "f32";

/**
 * `tap` answers the pixels before and after a position along one axis, their shares, and how the shares
 * change with the position. Outside lies the border pixel, or with zeros nothing.
 */
const taps = (zeros: boolean) => `
struct Tap { low: i32, high: i32, before: f32, after: f32, slope_before: f32, slope_after: f32 }
fn tap(position: f32, size: i32) -> Tap {
  let last = f32(size - 1);
  ${
  zeros
    ? `// Far outside, and where there is no number, no pixel is met.
  let at = select(-2.0, clamp(position, -2, last + 2), position == position);
  let low = i32(floor(at));
  let share = at - floor(at);
  let has_low = select(0.0, 1.0, low >= 0 && low < size);
  let has_high = select(0.0, 1.0, low + 1 >= 0 && low + 1 < size);
  return Tap(clamp(low, 0, size - 1), clamp(low + 1, 0, size - 1),
    (1 - share) * has_low, share * has_high, -has_low, has_high);`
    : `let at = clamp(position, 0, last);
  let low = i32(floor(at));
  let share = at - f32(low);
  let moves = select(0.0, 1.0, position >= 0 && position <= last && low + 1 < size);
  return Tap(low, min(low + 1, size - 1), 1 - share, share, -moves, moves);`
}
}`;

const forwardShader: Shader<SampleVariant> = {
  name: "grid sample",
  source: ({ zeros, width, workgroup }) => ({
    reads: { x: typeOf(width), grid: "f32" },
    writes: { output: typeOf(width) },
    uniforms: UNIFORMS,
    code: taps(zeros) + flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  let place = i32(i) / u.channels;
  let across = tap(grid[2 * place], u.width);
  let down = tap(grid[2 * place + 1], u.height);
  let image = place / u.places * u.height;
  let low = (image + down.low) * u.width;
  let high = (image + down.high) * u.width;
  output[i] =
    down.before * (across.before * x[(low + across.low) * u.channels + c] +
      across.after * x[(low + across.high) * u.channels + c]) +
    down.after * (across.before * x[(high + across.low) * u.channels + c] +
      across.after * x[(high + across.high) * u.channels + c]);`,
    ),
  }),
};

const gridShader: Shader<SampleVariant> = {
  name: "grid sample's gradient in the grid",
  source: ({ zeros, workgroup }) => ({
    reads: { dy: "f32", x: "f32", grid: "f32" },
    writes: { dgrid: "f32" },
    uniforms: UNIFORMS,
    code: taps(zeros) + flatMain(
      workgroup,
      `let across = tap(grid[2 * i], u.width);
  let down = tap(grid[2 * i + 1], u.height);
  let image = i32(i) / u.places * u.height;
  let low = (image + down.low) * u.width;
  let high = (image + down.high) * u.width;
  var along_x = 0.0;
  var along_y = 0.0;
  for (var c = 0; c < u.channels; c++) {
    let a = x[(low + across.low) * u.channels + c];
    let b = x[(low + across.high) * u.channels + c];
    let d = x[(high + across.low) * u.channels + c];
    let e = x[(high + across.high) * u.channels + c];
    let g = dy[i32(i) * u.channels + c];
    along_x += g * (down.before * (across.slope_before * a + across.slope_after * b) +
      down.after * (across.slope_before * d + across.slope_after * e));
    along_y += g * (down.slope_before * (across.before * a + across.after * b) +
      down.slope_after * (across.before * d + across.after * e));
  }
  dgrid[2 * i] = along_x;
  dgrid[2 * i + 1] = along_y;`,
    ),
  }),
};

/**
 * Each pixel asks every position of its image for its share: no two invocations add to one number, so
 * that equal inputs give equal bytes. That costs pixels times positions, and is for positions that were
 * computed; those that the host knows go through grid_sample_known.ts.
 */
const imageShader: Shader<SampleVariant> = {
  name: "grid sample's gradient in the image",
  source: ({ zeros, width, workgroup }) => ({
    reads: { dy: typeOf(width), grid: "f32" },
    writes: { dx: typeOf(width) },
    uniforms: UNIFORMS,
    code: taps(zeros) + `
fn share(at: i32, t: Tap) -> f32 {
  return select(0, t.before, t.low == at) + select(0, t.after, t.high == at);
}` + flatMain(
      workgroup,
      `let c = i32(i) % u.channels;
  let column = i32(i) / u.channels % u.width;
  let row = i32(i) / (u.channels * u.width) % u.height;
  let first = i32(i) / (u.channels * u.width * u.height) * u.places;
  var sum = ${typeOf(width)}();
  for (var place = first; place < first + u.places; place++) {
    let part = share(column, tap(grid[2 * place], u.width)) *
      share(row, tap(grid[2 * place + 1], u.height));
    if (part != 0) { sum += part * dy[place * u.channels + c]; }
  }
  dx[i] = sum;`,
    ),
  }),
};
