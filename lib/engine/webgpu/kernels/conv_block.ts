/**
 * 2-D convolutions and their gradients block by block, by way of a workgroup's memory: products of matrices
 * that are nowhere in memory, since the rows and columns of blocks are read from the images themselves.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import type { Shader } from "../program.ts";
import type { ProductKind } from "../tiles.ts";
import {
  acrossMatrix,
  BLOCK_UNIFORMS,
  type BlockBody,
  blockGroups,
  blockMain,
  type BlockPlan,
  blockUniforms,
  type BlockVariant,
  type Operand,
  planBlock,
} from "./block_tile.ts";
import { type Conv2DInfo, GEOMETRY, geometryValues } from "./conv_geometry.ts";
import { blockProduct } from "./matmul_block.ts";
import { each } from "./matrix_tile.ts";
import { addParts } from "./reduce.ts";

/** The kernels of a convolution. */
export type ConvKind = Exclude<ProductKind, "product">;

/** The matrices of a convolution. */
export interface Matrices {
  /** That of the kernel, or a product where all pixels meet one matrix. */
  readonly kind: ProductKind;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Products of that shape, each for some of the result. */
  readonly phases: number;
  readonly shape: readonly number[];
  /** Whether vectors of the operands and the result are whole. */
  readonly vectors: readonly [a: boolean, b: boolean, c: boolean];
}

/** The matrices of a kernel whose first operand is `images`; undefined where there are no such. */
export function convolutionMatrices(
  kind: ConvKind,
  info: Conv2DInfo,
  images: readonly number[],
): Matrices | undefined {
  const matrices = matricesOf[kind](info);
  return matrices && isPointwise(info, images) ? { ...matrices, kind: "product" } : matrices;
}

/**
 * The convolution, or undefined where every invocation had better read for itself. Operands are those of
 * the kind's kernel: x and filter, dy and filter, or x and dy.
 */
export function blockConvolution(
  backend: WebGpuBackend,
  kind: ConvKind,
  info: Conv2DInfo,
  operands: readonly [tf.TensorInfo, tf.TensorInfo],
): tf.TensorInfo | undefined {
  const m = convolutionMatrices(kind, info, operands[0].shape);
  const plan = m && planBlock(backend, m.kind, [m.rows, m.columns, m.depth], m.phases);
  if (!plan) return undefined;
  const parts = m.kind === "product"
    ? pointwise(backend, kind, m, operands, plan)
    : windowed(backend, kind, info, m, operands, plan);
  return { ...addParts(backend, parts), shape: [...m.shape] };
}

/** The result in its parts, with windows. */
function windowed(
  backend: WebGpuBackend,
  kind: ConvKind,
  info: Conv2DInfo,
  { rows, columns, phases, shape, vectors: [vectorA, vectorB, vectorC] }: Matrices,
  operands: readonly [tf.TensorInfo, tf.TensorInfo],
  { block, parts, part }: BlockPlan,
): tf.TensorInfo {
  const output = backend.output([parts, ...shape]);
  const layers = phases * parts;
  const [, height, width] = operands[0].shape;
  backend.run({
    shader: shaders[kind],
    variant: { ...block, vectorA, vectorB, vectorC },
    reads: operands,
    writes: [output],
    uniforms: {
      ...blockUniforms(block, rows, columns, layers),
      ...geometryValues(info),
      part,
      phases,
      images_height: height,
      images_width: width,
    },
    groups: blockGroups(block, rows, columns, layers),
  });
  return output;
}

/** The result in its parts, without windows. */
function pointwise(
  backend: WebGpuBackend,
  kind: ConvKind,
  { rows, columns, depth }: Matrices,
  operands: readonly [tf.TensorInfo, tf.TensorInfo],
  plan: BlockPlan,
): tf.TensorInfo {
  return blockProduct(backend, operands, {
    transposeA: kind === "filterGradient",
    transposeB: kind === "inputGradient",
    outer: [],
    batch: 1,
    rows,
    columns,
    depth,
    matricesA: 1,
    matricesB: 1,
  }, plan);
}

/** Whether a convolution is the product of all pixels and one matrix. */
function isPointwise(info: Conv2DInfo, [, height, width]: readonly number[]): boolean {
  const { top, left } = info.padInfo;
  return info.filterHeight === 1 && info.filterWidth === 1 && info.strideHeight === 1 &&
    info.strideWidth === 1 && top === 0 && left === 0 && height === info.outHeight &&
    width === info.outWidth && info.inHeight === height && info.inWidth === width;
}

const matricesOf: Readonly<Record<ConvKind, (info: Conv2DInfo) => Matrices | undefined>> = {
  /** Output pixels by output channels; sums along taps and input channels. */
  forward(info) {
    const { inChannels, outChannels: columns } = info;
    return {
      kind: "forward",
      rows: info.batchSize * info.outHeight * info.outWidth,
      columns,
      depth: info.filterHeight * info.filterWidth * inChannels,
      phases: 1,
      shape: info.outShape,
      vectors: [inChannels % 4 === 0, columns % 4 === 0, columns % 4 === 0],
    };
  },
  /**
   * Input pixels by input channels; sums along taps and output channels. With strides, a phase has those
   * pixels alone that the same taps carry to an output pixel, and no others.
   */
  inputGradient(info) {
    const { strideHeight, strideWidth, inChannels: columns, outChannels } = info;
    // Which taps those are is no plain rule any more.
    const dilated = info.dilationHeight * info.dilationWidth > 1;
    if (dilated && strideHeight * strideWidth > 1) return undefined;
    if (info.padInfo.top < 0 || info.padInfo.left < 0) return undefined;
    const phaseHeight = Math.ceil(info.inHeight / strideHeight);
    const phaseWidth = Math.ceil(info.inWidth / strideWidth);
    const taps = Math.ceil(info.filterHeight / strideHeight) *
      Math.ceil(info.filterWidth / strideWidth);
    return {
      kind: "inputGradient",
      rows: info.batchSize * phaseHeight * phaseWidth,
      columns,
      depth: taps * outChannels,
      phases: strideHeight * strideWidth,
      shape: info.inShape,
      vectors: [outChannels % 4 === 0, outChannels % 4 === 0, columns % 4 === 0],
    };
  },
  /** Taps and input channels by output channels; sums along output pixels. */
  filterGradient(info) {
    const { inChannels, outChannels: columns } = info;
    return {
      kind: "filterGradient",
      rows: info.filterHeight * info.filterWidth * inChannels,
      columns,
      depth: info.batchSize * info.outHeight * info.outWidth,
      phases: 1,
      shape: info.filterShape,
      vectors: [inChannels % 4 === 0, columns % 4 === 0, columns % 4 === 0],
    };
  },
};

const shaders: Readonly<Record<ConvKind, Shader<BlockVariant>>> = {
  forward: shaderOf("convolution by blocks", (v) => ({
    layer: `
  let depth = u32(u.filter_height * u.filter_width * u.in_channels);
  let begin = layer * u.part;
  let end = min(depth, begin + u.part);`,
    a: windows(v),
    b: acrossMatrix("b", { base: "0u", lines: "u.columns", vector: v.vectorB }),
    row: (store) => `let to = (layer * u.rows + row) * u.columns; ${store}`,
  })),
  inputGradient: shaderOf("convolution's input gradient by blocks", (v) => ({
    layer: `
  let phase = i32(layer % u.phases);
  let y_phase = phase / u.stride_x;
  let x_phase = phase % u.stride_x;
  // The first tap of the phase in each direction, and how many there are.
  let y_first = (y_phase + u.top) % u.stride_y;
  let x_first = (x_phase + u.left) % u.stride_x;
  let y_taps = (u.filter_height - y_first + u.stride_y - 1) / u.stride_y;
  let x_taps = (u.filter_width - x_first + u.stride_x - 1) / u.stride_x;
  let phase_height = (u.in_height + u.stride_y - 1) / u.stride_y;
  let phase_width = (u.in_width + u.stride_x - 1) / u.stride_x;
  let depth = u32(y_taps * x_taps * u.out_channels);
  let begin = layer / u.phases * u.part;
  let end = min(depth, begin + u.part);`,
    a: gradients(v),
    b: filterRows(v.vectorB),
    row: (store) => `
  let pixel = i32(row);
  let y = pixel / phase_width % phase_height * u.stride_y + y_phase;
  let x = pixel % phase_width * u.stride_x + x_phase;
  if (y < u.in_height && x < u.in_width) {
    let image = i32(layer / u.phases) * u.batch + pixel / (phase_width * phase_height);
    let to = u32((image * u.in_height + y) * u.in_width + x) * u.columns;
    ${store}
  }`,
  })),
  filterGradient: shaderOf("convolution's filter gradient by blocks", (v) => ({
    layer: `
  let depth = u32(u.batch * u.out_height * u.out_width);
  let begin = layer * u.part;
  let end = min(depth, begin + u.part);`,
    a: pixelsUnderTaps(v),
    b: acrossMatrix("b", { base: "0u", lines: "u.columns", vector: v.vectorB }),
    row: (store) => `let to = (layer * u.rows + row) * u.columns; ${store}`,
  })),
};

function shaderOf(name: string, body: (v: BlockVariant) => BlockBody): Shader<BlockVariant> {
  return {
    name,
    source: (v) => ({
      reads: { a: v.vectorA ? "vec4<f32>" : "f32", b: v.vectorB ? "vec4<f32>" : "f32" },
      writes: { c: v.vectorC ? "vec4<f32>" : "f32" },
      uniforms: {
        ...BLOCK_UNIFORMS,
        ...GEOMETRY,
        part: "u32",
        phases: "u32",
        images_height: "i32",
        images_width: "i32",
      },
      code: blockMain(v, body(v)),
    }),
  };
}

/** Text for a whole vector, or for each of its four elements: `q` is empty, or the element's number. */
function elements(vector: boolean, text: (q: number, name: string) => string): string {
  return vector ? text(0, "") : each(4, (q) => text(q, `_${q}`));
}

/** Sets `target`, or one element of it, from `buffer` where `condition` holds. */
function readWhere(
  vector: boolean,
  q: number,
  [target, buffer, at]: readonly [string, string, string],
  condition: string,
): string {
  return vector
    ? `if (${condition}) { ${target} = ${buffer}[(${at}) / 4]; }`
    : `if (${condition}) { ${target}[${q}] = ${buffer}[${at}]; }`;
}

/**
 * The place along K as digits, the first one counting fastest: by carrying them from step to step, all
 * divisions are made once.
 */
function counter(
  [first, second, third]: readonly [string, string, string],
  [base, secondBase]: readonly [string, string],
  depth: number,
): { start(k: string): string; advance: string } {
  /** The three digits of a number that is not negative. */
  const digits = (declare: string, names: readonly string[], value: string) => {
    const [a, b, c] = names;
    return `
  ${declare} ${a} = i32((${value}) % u32(${base}));
  ${declare} ${b} = i32((${value}) / u32(${base}) % u32(${secondBase}));
  ${declare} ${c} = i32((${value}) / u32(${base}) / u32(${secondBase}));`;
  };
  const steps = [first, second, third].map((name) => `${name}_step`);
  return {
    start: (k) => digits("var", [first, second, third], k) + digits("let", steps, `${depth}u`),
    advance: `
    ${first} += ${steps[0]};
    ${second} += ${steps[1]};
    ${third} += ${steps[2]};
    if (${first} >= ${base}) { ${first} -= ${base}; ${second}++; }
    if (${second} >= ${secondBase}) { ${second} -= ${secondBase}; ${third}++; }`,
  };
}

/** Of x, along taps and input channels, the window of each output pixel. */
function windows({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (n: string) =>
    counter([`channel${n}`, `tap_x${n}`, `tap_y${n}`], ["u.in_channels", "u.filter_width"], depth);
  return {
    along: true,
    line: (i, at) => `
  let p${i} = i32(min(${at}, u.rows - 1));
  let y${i} = p${i} / u.out_width % u.out_height * u.stride_y - u.top;
  let x${i} = p${i} % u.out_width * u.stride_x - u.left;
  let at${i} = ((p${i} / (u.out_width * u.out_height) * u.in_height + y${i}) * u.in_width + x${i}) *
    u.in_channels;`,
    start: (_, k) => elements(vector, (q, n) => place(n).start(`${k} + ${q}u`)),
    // What the tap adds to the place of the window's first pixel.
    step: () =>
      elements(vector, (_, n) => `
    let dy${n} = tap_y${n} * u.dilation_y;
    let dx${n} = tap_x${n} * u.dilation_x;
    let by${n} = (dy${n} * u.in_width + dx${n}) * u.in_channels + channel${n};`),
    advance: () => elements(vector, (_, n) => place(n).advance),
    read: (target, i, _, k) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${i} + by${n})`],
          `u32(y${i} + dy${n}) < u32(u.in_height) && u32(x${i} + dx${n}) < u32(u.in_width)` +
            (vector ? "" : ` && ${k} + ${q}u < end`),
        )),
  };
}

/** Of dy, along the phase's taps and output channels, the pixels that they carry each input pixel to. */
function gradients({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (n: string) =>
    counter([`channel${n}`, `tap_x${n}`, `tap_y${n}`], ["u.out_channels", "x_taps"], depth);
  return {
    along: true,
    // With a stride of 1 these are places in the padded input; the dilation is 1 with others.
    line: (i, at) => `
  let p${i} = i32(min(${at}, u.rows - 1));
  let y${i} = p${i} / phase_width % phase_height + (y_phase + u.top) / u.stride_y;
  let x${i} = p${i} % phase_width + (x_phase + u.left) / u.stride_x;
  let at${i} = ((p${i} / (phase_width * phase_height) * u.images_height + y${i}) * u.images_width +
    x${i}) * u.out_channels;`,
    start: (_, k) => elements(vector, (q, n) => place(n).start(`${k} + ${q}u`)),
    step: () =>
      elements(vector, (_, n) => `
    let dy${n} = tap_y${n} * u.dilation_y;
    let dx${n} = tap_x${n} * u.dilation_x;
    let by${n} = channel${n} - (dy${n} * u.images_width + dx${n}) * u.out_channels;`),
    advance: () => elements(vector, (_, n) => place(n).advance),
    read: (target, i, _, k) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${i} + by${n})`],
          `u32(y${i} - dy${n}) < u32(u.out_height) && u32(x${i} - dx${n}) < u32(u.out_width)` +
            (vector ? "" : ` && ${k} + ${q}u < end`),
        )),
  };
}

/**
 * Of the filter, along the phase's taps and output channels, the row of each input channel. Both operands lie
 * along K, so that the place is the one of {@linkcode gradients}.
 */
function filterRows(vector: boolean): Operand {
  return {
    along: true,
    line: (i, at) => `let row${i} = i32(min(${at}, u.columns - 1)) * u.out_channels;`,
    step: () =>
      elements(vector, (_, n) => `
    let filter_y${n} = y_first + tap_y${n} * u.stride_y;
    let filter_x${n} = x_first + tap_x${n} * u.stride_x;
    let of_tap${n} = (filter_y${n} * u.filter_width + filter_x${n}) * u.in_channels *
      u.out_channels + channel${n};`),
    read: (target, i, _, k) =>
      elements(
        vector,
        (q, n) =>
          vector
            ? `${target} = b[u32(of_tap${n} + row${i}) / 4];`
            : `if (${k} + ${q}u < end) { ${target}[${q}] = b[u32(of_tap${n} + row${i})]; }`,
      ),
  };
}

/** Of x, across taps and input channels, the pixel that each tap takes to an output pixel. */
function pixelsUnderTaps({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (j: number) =>
    counter([`out_x${j}`, `out_y${j}`, `image${j}`], ["u.out_width", "u.out_height"], depth);
  return {
    along: false,
    line: (_, at) =>
      elements(vector, (q, n) => `
  let m${n} = i32(min(${at} + ${q}u, u.rows - ${vector ? 4 : 1}));
  let tap${n} = m${n} / u.in_channels;
  let dy${n} = tap${n} / u.filter_width * u.dilation_y - u.top;
  let dx${n} = tap${n} % u.filter_width * u.dilation_x - u.left;
  let by${n} = (dy${n} * u.in_width + dx${n}) * u.in_channels + m${n} - tap${n} * u.in_channels;`),
    start: (j, k) => place(j).start(k),
    step: (j) => `
    let y${j} = out_y${j} * u.stride_y;
    let x${j} = out_x${j} * u.stride_x;
    let at${j} = ((image${j} * u.in_height + y${j}) * u.in_width + x${j}) * u.in_channels;`,
    advance: (j) => place(j).advance,
    read: (target, _, j) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${j} + by${n})`],
          `u32(y${j} + dy${n}) < u32(u.in_height) && u32(x${j} + dx${n}) < u32(u.in_width)`,
        )),
  };
}
