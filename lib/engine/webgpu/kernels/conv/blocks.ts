/**
 * 2-D convolutions and their gradients block by block, by way of a workgroup's memory: products of matrices
 * that are nowhere in memory, since the rows and columns of blocks are read from the images themselves.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import type { Shader } from "../../program.ts";
import type { ProductKind } from "../../tiles.ts";
import {
  BLOCK_UNIFORMS,
  type BlockBody,
  blockGroups,
  blockMain,
  type BlockPlan,
  blockReads,
  blockUniforms,
  type BlockVariant,
  planBlock,
} from "../matmul/block_tile.ts";
import { acrossMatrix } from "../matmul/block_operands.ts";
import { filterRows, gradients, pixelsUnderTaps, windows } from "./operands.ts";
import { type Conv2DInfo, GEOMETRY, geometryValues } from "./geometry.ts";
import { factorScale } from "../matmul/factor_scale.ts";
import { blockProduct, type Scales } from "../matmul/blocks.ts";
import { addParts } from "../reduce.ts";

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
  const scales = backend.precision === "mixed"
    ? [factorScale(backend, operands[0]), factorScale(backend, operands[1])] as const
    : undefined;
  const parts = m.kind === "product"
    ? pointwise(backend, kind, m, operands, plan, scales)
    : windowed(backend, kind, info, m, operands, plan, scales);
  backend.release(...scales ?? []);
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
  scales: Scales | undefined,
): tf.TensorInfo {
  const output = backend.output([parts, ...shape]);
  const layers = phases * parts;
  const [, height, width] = operands[0].shape;
  backend.run({
    shader: shaders[kind],
    variant: { ...block, vectorA, vectorB, vectorC, half: scales !== undefined },
    reads: [...operands, ...scales ?? []],
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
  scales: Scales | undefined,
): tf.TensorInfo {
  return blockProduct(
    backend,
    operands,
    {
      transposeA: kind === "filterGradient",
      transposeB: kind === "inputGradient",
      outer: [],
      batch: 1,
      rows,
      columns,
      depth,
      matricesA: 1,
      matricesB: 1,
    },
    plan,
    scales,
  );
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
      half: v.half,
      reads: blockReads(v),
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
