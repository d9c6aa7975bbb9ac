/**
 * Batch normalisation over all but the last axis: for training, fused with ReLU and a residual, and by
 * given statistics.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { isNan } from "../math.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { binary } from "./binary.ts";
import { filled } from "./fill.ts";

/**
 * `BatchNormTrain` and `BatchNormTrainGrad`, kernels of this project (lib/ops/batch_norm.ts), and tfjs's
 * `FusedBatchNorm`.
 */
export function batchNormKernels(): GpuKernel[] {
  return [
    { name: "BatchNormTrain", run: forward },
    { name: "BatchNormTrainGrad", run: gradient },
    { name: "FusedBatchNorm", run: inference },
  ];
}

interface Sizes {
  readonly rows: number;
  readonly channels: number;
  /** Rows are cut into so many parts, whose statistics are joined in order. */
  readonly parts: number;
  /** Channels that one invocation looks after. */
  readonly width: 1 | 4;
}

/** Fewer rows are not worth an invocation of their own. */
const SHORTEST_PART = 32;

/** Loops over the rows of a part, of the statistics. */
const PASSES = 2;

function sizesOf({ tiles, mostIterations }: WebGpuBackend, x: tf.TensorInfo): Sizes {
  const channels = x.shape[x.shape.length - 1];
  const rows = sizeOf(x) / channels;
  const width = channels % 4 === 0 ? 4 : 1;
  const wanted = Math.max(
    Math.ceil(tiles.busy * width / channels),
    Math.ceil(PASSES * rows / mostIterations),
  );
  return {
    rows,
    channels,
    width,
    parts: Math.max(1, Math.min(wanted, Math.floor(rows / SHORTEST_PART))),
  };
}

/** Answers [y, mean, variance]. */
function forward({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { x, scale, offset, residual } = inputs;
  const sizes = sizesOf(backend, x);
  const { rows, channels, parts, width } = sizes;
  const { flat: workgroup } = backend.tiles;
  const partial = backend.output([3, parts, channels]);
  run(backend, partStatistics, { width, workgroup }, [x], [partial], sizes, channels * parts);
  const mean = backend.output([channels]), variance = backend.output([channels]);
  run(backend, joinStatistics, { width, workgroup }, [partial], [mean, variance], sizes, channels);
  backend.release(partial);
  const y = backend.output(x.shape);
  run(
    backend,
    normalise,
    { width, workgroup, relu: Boolean(attrs.relu), residual: residual !== undefined },
    [x, mean, variance, scale, offset, ...(residual ? [residual] : [])],
    [y],
    sizes,
    rows * channels,
    attrs.epsilon as number,
  );
  return [y, mean, variance];
}

/** Answers [dx, dscale, doffset] and, where there was a residual, its gradient. */
function gradient({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { dy, x, y, scale, mean, variance } = inputs;
  const sizes = sizesOf(backend, x);
  const { rows, channels, parts, width } = sizes;
  const { flat: workgroup } = backend.tiles;
  const relu = Boolean(attrs.relu), residual = Boolean(attrs.residual);
  const epsilon = attrs.epsilon as number;
  const partial = backend.output([2, parts, channels]);
  run(
    backend,
    partSums,
    { width, workgroup, relu },
    [dy, x, mean, variance, ...(relu ? [y] : [])],
    [partial],
    sizes,
    channels * parts,
    epsilon,
  );
  const doffset = backend.output([channels]), dscale = backend.output([channels]);
  run(backend, joinSums, { width, workgroup }, [partial], [doffset, dscale], sizes, channels);
  backend.release(partial);
  const factors = backend.output([3, channels]);
  run(
    backend,
    gradientFactors,
    { width, workgroup },
    [scale, mean, variance, doffset, dscale],
    [factors],
    sizes,
    channels,
    epsilon,
  );
  const dx = backend.output(x.shape);
  const results = residual ? [dx, backend.output(x.shape)] : [dx];
  run(
    backend,
    applyGradient,
    { width, workgroup, relu, residual },
    [dy, x, factors, ...(relu ? [y] : [])],
    results,
    sizes,
    rows * channels,
  );
  backend.release(factors);
  return [dx, dscale, doffset, ...results.slice(1)];
}

interface NormVariant {
  readonly [key: string]: number | boolean;
  readonly width: number;
  readonly workgroup: number;
}

type Flags = NormVariant & { readonly relu: boolean; readonly residual: boolean };

function run<V extends NormVariant>(
  backend: WebGpuBackend,
  shader: Shader<V>,
  variant: V,
  reads: readonly tf.TensorInfo[],
  writes: readonly tf.TensorInfo[],
  { rows, channels, parts, width }: Sizes,
  elements: number,
  epsilon = 0,
): void {
  const count = elements / width;
  backend.run({
    shader,
    variant,
    reads,
    writes,
    uniforms: { count, rows, channels: channels / width, parts, epsilon },
    groups: flatGroups(count, variant.workgroup),
    iterations: Math.max(PASSES * Math.ceil(rows / parts), parts),
  });
}

const UNIFORMS = {
  count: "u32",
  rows: "u32",
  channels: "u32",
  parts: "u32",
  epsilon: "f32",
} as const;

const typeOf = (width: number) => width === 4 ? "vec4<f32>" : "f32";

/** Names of buffers, all of floats `width` wide. */
function buffers(width: number, ...names: (string | false)[]): Record<string, string> {
  return Object.fromEntries(names.filter((name) => name !== false).map((n) => [n, typeOf(width)]));
}

/**
 * Mean, what its rounding left of it, and sum of squared deviations of rows part, part + parts, ...: the mean
 * first, then deviations from it, whose own mean is that rest. This keeps digits however far from 0 the
 * values are.
 */
const partStatistics: Shader<NormVariant> = {
  name: "batch norm, statistics of parts",
  source: ({ width, workgroup }) => ({
    reads: buffers(width, "x"),
    writes: buffers(width, "partial"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let channel = i % u.channels;
  let begin = i / u.channels;
  let count = f32((u.rows - begin + u.parts - 1) / u.parts);
  let first = x[begin * u.channels + channel];
  var sum = ${typeOf(width)}();
  for (var row = begin; row < u.rows; row += u.parts) {
    sum += x[row * u.channels + channel] - first;
  }
  let mean = first + sum / count;
  var rest = ${typeOf(width)}();
  var squares = ${typeOf(width)}();
  for (var row = begin; row < u.rows; row += u.parts) {
    let apart = x[row * u.channels + channel] - mean;
    rest += apart;
    squares += apart * apart;
  }
  partial[i] = mean;
  partial[u.count + i] = rest / count;
  partial[2u * u.count + i] = squares - rest * rest / count;`,
    ),
  }),
};

/** Joins the statistics of parts (Chan et al. 1979), as distances from the first part's mean. */
const joinStatistics: Shader<NormVariant> = {
  name: "batch norm, statistics",
  source: ({ width, workgroup }) => ({
    reads: buffers(width, "partial"),
    writes: buffers(width, "mean", "variance"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let first = partial[i];
  var centre = ${typeOf(width)}();
  var squares = ${typeOf(width)}();
  var count = 0.0;
  for (var part = 0u; part < u.parts; part++) {
    let size = f32((u.rows - part + u.parts - 1) / u.parts);
    let away = partial[part * u.channels + i] - first;
    let apart = away + partial[(u.parts + part) * u.channels + i] - centre;
    count += size;
    centre += apart * (size / count);
    squares += partial[(2u * u.parts + part) * u.channels + i] +
      apart * apart * (size * (count - size) / count);
  }
  mean[i] = first + centre;
  variance[i] = squares / count;`,
    ),
  }),
};

/** ReLU, which keeps NaN. */
function rectified(x: string, width: number): string {
  return `select(max(${x}, ${typeOf(width)}()), ${x}, ${
    isNan(x, width === 4 ? "vec4<u32>" : "u32")
  })`;
}

const normalise: Shader<Flags> = {
  name: "batch norm",
  source: ({ width, workgroup, relu, residual }) => ({
    reads: buffers(width, "x", "mean", "variance", "scale", "offset", residual && "residual"),
    writes: buffers(width, "y"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let c = i % u.channels;
  let normal = (x[i] - mean[c]) * inverseSqrt(variance[c] + u.epsilon);
  let value = normal * scale[c] + offset[c]${residual ? " + residual[i]" : ""};
  y[i] = ${relu ? rectified("value", width) : "value"};`,
    ),
  }),
};

/** dy where ReLU let the value through. */
const PASSED = (width: number, relu: boolean) =>
  relu ? `select(${typeOf(width)}(), dy[at], y[at] > ${typeOf(width)}())` : "dy[at]";

/** Sums of dy and of dy times the normalised x, over rows part, part + parts, ... */
const partSums: Shader<NormVariant & { relu: boolean }> = {
  name: "batch norm's gradient, sums of parts",
  source: ({ width, workgroup, relu }) => ({
    reads: buffers(width, "dy", "x", "mean", "variance", relu && "y"),
    writes: buffers(width, "partial"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let c = i % u.channels;
  let centre = mean[c];
  let inverse = inverseSqrt(variance[c] + u.epsilon);
  var sum = ${typeOf(width)}();
  var product = ${typeOf(width)}();
  for (var row = i / u.channels; row < u.rows; row += u.parts) {
    let at = row * u.channels + c;
    let passed = ${PASSED(width, relu)};
    sum += passed;
    product += passed * ((x[at] - centre) * inverse);
  }
  partial[i] = sum;
  partial[u.count + i] = product;`,
    ),
  }),
};

const joinSums: Shader<NormVariant> = {
  name: "batch norm's gradient, sums",
  source: ({ width, workgroup }) => ({
    reads: buffers(width, "partial"),
    writes: buffers(width, "doffset", "dscale"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `var sum = ${typeOf(width)}();
  var product = ${typeOf(width)}();
  for (var part = 0u; part < u.parts; part++) {
    sum += partial[part * u.channels + i];
    product += partial[(u.parts + part) * u.channels + i];
  }
  doffset[i] = sum;
  dscale[i] = product;`,
    ),
  }),
};

/**
 * With n rows, r = 1 / sqrt(variance + epsilon) and h the normalised x,
 *
 *     dx = scale r (dy - doffset / n - h dscale / n) = f0 dy + f1 x + f2
 */
const gradientFactors: Shader<NormVariant> = {
  name: "batch norm's gradient, factors",
  source: ({ width, workgroup }) => ({
    reads: buffers(width, "scale", "mean", "variance", "doffset", "dscale"),
    writes: buffers(width, "factors"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let inverse = inverseSqrt(variance[i] + u.epsilon);
  let gain = scale[i] * inverse;
  let slope = -gain * inverse * dscale[i] / f32(u.rows);
  factors[i] = gain;
  factors[u.channels + i] = slope;
  factors[2 * u.channels + i] = -gain * doffset[i] / f32(u.rows) - slope * mean[i];`,
    ),
  }),
};

const applyGradient: Shader<Flags> = {
  name: "batch norm's gradient",
  source: ({ width, workgroup, relu, residual }) => ({
    reads: buffers(width, "dy", "x", "factors", relu && "y"),
    writes: buffers(width, "dx", residual && "dresidual"),
    uniforms: UNIFORMS,
    code: flatMain(
      workgroup,
      `let at = i;
  let c = i % u.channels;
  let passed = ${PASSED(width, relu)};
  dx[i] = factors[c] * passed + factors[u.channels + c] * x[i] + factors[2 * u.channels + c];
  ${residual ? "dresidual[i] = passed;" : ""}`,
    ),
  }),
};

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, with tfjs's broadcasting. */
function inference({ inputs, attrs, backend }: KernelCall): tf.TensorInfo {
  const { x, mean, variance, scale, offset } = inputs;
  const epsilon = filled(backend, [], "float32", attrs.varianceEpsilon as number ?? 0.001);
  const power = filled(backend, [], "float32", 0.5);
  const temporary: tf.TensorInfo[] = [epsilon, power];
  const then = (name: string, a: tf.TensorInfo, b: tf.TensorInfo) => {
    const result = binary(backend, name, a, b);
    temporary.push(result);
    return result;
  };
  const deviation = then("Pow", then("Add", variance, epsilon), power);
  let y = then("RealDiv", then("Sub", x, mean), deviation);
  if (scale) y = then("Multiply", y, scale);
  if (offset) y = then("Add", y, offset);
  backend.release(...temporary.filter((tensor) => tensor !== y));
  return y;
}
