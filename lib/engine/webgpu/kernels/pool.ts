/**
 * Maximum and average pooling `[B,H,W,C]`, and their gradients.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { GEOMETRY, geometryValues } from "./conv/geometry.ts";

type Kind = "max" | "average";

/** `MaxPool`, `AvgPool`, `MaxPoolGrad` and `AvgPoolGrad`. */
export function poolKernels(): GpuKernel[] {
  return [
    { name: "MaxPool", run: ({ inputs: { x }, ...call }) => pool(call, "max", x) },
    { name: "AvgPool", run: ({ inputs: { x }, ...call }) => pool(call, "average", x) },
    {
      name: "MaxPoolGrad",
      run: ({ inputs: { dy, input }, ...call }) => gradient(call, "max", input, [dy, input]),
    },
    {
      name: "AvgPoolGrad",
      run: ({ inputs: { dy, input }, ...call }) => gradient(call, "average", input, [dy]),
    },
  ];
}

type Call = Omit<KernelCall, "inputs">;

function geometry({ attrs }: Call, shape: number[]) {
  return tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | undefined,
  );
}

/** Whether the pooling leaves everything as it is: tfjs takes a 1x1 window for that. */
function isIdentity(info: ReturnType<typeof geometry>): boolean {
  return info.filterHeight === 1 && info.filterWidth === 1 &&
    tf.util.arraysEqual(info.inShape, info.outShape);
}

function pool(call: Call, kind: Kind, x: tf.TensorInfo): tf.TensorInfo {
  const { backend } = call;
  const info = geometry(call, x.shape);
  if (isIdentity(info)) return backend.alias(x, x.shape);
  return run(call, forwardShader, kind, info, [x], backend.output(info.outShape, x.dtype));
}

function gradient(
  call: Call,
  kind: Kind,
  input: tf.TensorInfo,
  reads: readonly tf.TensorInfo[],
): tf.TensorInfo {
  const { backend } = call;
  const info = geometry(call, input.shape);
  if (isIdentity(info)) return backend.alias(reads[0], reads[0].shape);
  return run(call, gradientShader, kind, info, reads, backend.output(input.shape));
}

interface PoolVariant {
  readonly [key: string]: string | number;
  readonly kind: Kind;
  /** Channels that one invocation looks after. */
  readonly width: number;
  readonly workgroup: number;
}

function run(
  { backend }: Call,
  shader: Shader<PoolVariant>,
  kind: Kind,
  info: ReturnType<typeof geometry>,
  reads: readonly tf.TensorInfo[],
  output: tf.TensorInfo,
): tf.TensorInfo {
  const width = info.inChannels % 4 === 0 ? 4 : 1;
  const count = sizeOf(output) / width;
  // A maximum's gradient compares each pixel of a window with all others.
  const window = info.filterHeight * (1 + info.filterWidth);
  backend.run({
    shader,
    variant: { kind, width, workgroup: backend.tiles.flat },
    reads,
    writes: [output],
    uniforms: {
      count,
      ...geometryValues(info),
      in_channels: info.inChannels / width,
      area: 1 / (info.filterHeight * info.filterWidth),
    },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: reads.length > 1 ? window * (1 + window) : window,
  });
  return output;
}

const typeOf = (width: number) => width === 4 ? "vec4<f32>" : "f32";

/** The place of element i of an image of `width` by `height`. */
const place = (width: string, height: string) =>
  `let c = i32(i) % u.in_channels;
  let x0 = i32(i) / u.in_channels % ${width};
  let y0 = i32(i) / (u.in_channels * ${width}) % ${height};
  let image = i32(i) / (u.in_channels * ${width} * ${height});`;

/** An average counts the pixels of the image alone. */
const forwardShader: Shader<PoolVariant> = {
  name: "pool",
  source: ({ kind, width, workgroup }) => ({
    reads: { x: typeOf(width) },
    writes: { output: typeOf(width) },
    uniforms: { count: "u32", area: "f32", ...GEOMETRY },
    code: flatMain(
      workgroup,
      `${place("u.out_width", "u.out_height")}
  var sum = ${typeOf(width)}(${kind === "max" ? "-3.4028234e38" : "0"});
  var count = 0.0;
  for (var fy = 0; fy < u.filter_height; fy++) {
    let y = y0 * u.stride_y - u.top + fy * u.dilation_y;
    if (y < 0 || y >= u.in_height) { continue; }
    for (var fx = 0; fx < u.filter_width; fx++) {
      let xx = x0 * u.stride_x - u.left + fx * u.dilation_x;
      if (xx < 0 || xx >= u.in_width) { continue; }
      let value = x[((image * u.in_height + y) * u.in_width + xx) * u.in_channels + c];
      sum = ${kind === "max" ? "max(sum, value)" : "sum + value"};
      count += 1;
    }
  }
  output[i] = sum${kind === "max" ? "" : " / count"};`,
    ),
  }),
};

/**
 * Each pixel looks at the windows that it lies under. A maximum gives all to the first of its window
 * that has it; an average shares out by the filter's size also over the border, as tfjs-core defines it.
 */
const gradientShader: Shader<PoolVariant> = {
  name: "pool's gradient",
  source: ({ kind, width, workgroup }) => ({
    reads: { dy: typeOf(width), ...(kind === "max" ? { x: typeOf(width) } : {}) },
    writes: { dx: typeOf(width) },
    uniforms: { count: "u32", area: "f32", ...GEOMETRY },
    code: flatMain(
      workgroup,
      `${place("u.in_width", "u.in_height")}
  ${kind === "max" ? "let own = x[i];" : ""}
  var sum = ${typeOf(width)}();
  for (var fy = 0; fy < u.filter_height; fy++) {
    let sy = y0 + u.top - fy * u.dilation_y;
    let oy = sy / u.stride_y;
    if (sy < 0 || oy >= u.out_height || oy * u.stride_y != sy) { continue; }
    for (var fx = 0; fx < u.filter_width; fx++) {
      let sx = x0 + u.left - fx * u.dilation_x;
      let ox = sx / u.stride_x;
      if (sx < 0 || ox >= u.out_width || ox * u.stride_x != sx) { continue; }
      let share = dy[((image * u.out_height + oy) * u.out_width + ox) * u.in_channels + c];
      ${kind === "max" ? loseToOthers(width) : "sum += share * u.area;"}
    }
  }
  dx[i] = sum;`,
    ),
  }),
};

/** Adds the window's share where no other pixel of it is larger, or as large and earlier. */
function loseToOthers(width: number): string {
  return `var wins = ${width === 4 ? "vec4<bool>(true)" : "true"};
      for (var gy = 0; gy < u.filter_height; gy++) {
        let y = oy * u.stride_y - u.top + gy * u.dilation_y;
        if (y < 0 || y >= u.in_height) { continue; }
        for (var gx = 0; gx < u.filter_width; gx++) {
          let xx = ox * u.stride_x - u.left + gx * u.dilation_x;
          if (xx < 0 || xx >= u.in_width || (gy == fy && gx == fx)) { continue; }
          let other = x[((image * u.in_height + y) * u.in_width + xx) * u.in_channels + c];
          let earlier = gy < fy || (gy == fy && gx < fx);
          wins = wins & select(own >= other, own > other, ${
    width === 4 ? "vec4<bool>(earlier)" : "earlier"
  });
        }
      }
      sum += select(${typeOf(width)}(), share, wins);`;
}
