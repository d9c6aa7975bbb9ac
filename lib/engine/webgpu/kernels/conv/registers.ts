/**
 * 2-D convolutions as products of matrices, of which every invocation makes a tile for itself (matrix_tile.ts): the way
 * where neither Winograd's tiles nor a workgroup's memory pay.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import { sizeOf } from "../../kernel.ts";
import type { Shader } from "../../program.ts";
import { blockConvolution, type ConvKind } from "./blocks.ts";
import { type Conv2DInfo, geometryValues } from "./geometry.ts";
import { winogradConvolution } from "./winograd.ts";
import {
  matrixGroups,
  matrixIterations,
  tileFor,
  type TileVariant,
} from "../matmul/matrix_tile.ts";

/** The convolution by a faster way, or undefined where there is none. Operands are those of the kind's kernel. */
export function sharedConvolution(
  backend: WebGpuBackend,
  kind: ConvKind,
  info: Conv2DInfo,
  operands: readonly [tf.TensorInfo, tf.TensorInfo],
): tf.TensorInfo | undefined {
  return winogradConvolution(backend, kind, info, operands) ??
    blockConvolution(backend, kind, info, operands);
}

/** A stack of matrices, and what its shader reads. */
export interface RegisterMatrices {
  readonly shader: Shader<TileVariant>;
  readonly operands: readonly [a: tf.TensorInfo, b: tf.TensorInfo];
  readonly output: tf.TensorInfo;
  readonly rows: number;
  readonly columns: number;
  readonly layers: number;
  /** Numbers of the first operand that lie side by side. */
  readonly run: number;
  /** Loop iterations of a tile. */
  readonly iterations: number;
  /** Beside those of the geometry, `rows` and `columns`. */
  readonly uniforms?: Readonly<Record<string, number>>;
}

/** Makes them. */
export function runRegisters(
  backend: WebGpuBackend,
  info: Conv2DInfo,
  { shader, operands, output, rows, columns, layers, run, iterations, uniforms }: RegisterMatrices,
): void {
  const { tiles } = backend, tile = tileFor(rows, columns);
  const [width, height] = tiles.matrix;
  const empty = sizeOf(output) === 0;
  backend.run({
    shader,
    variant: { ...tile, vectorA: run % 4 === 0, vectorB: columns % 4 === 0, width, height },
    reads: operands,
    writes: [output],
    uniforms: { rows, columns, ...geometryValues(info), ...uniforms },
    iterations: matrixIterations(tile, tiles, rows, iterations),
    groups: empty ? [0, 0, 0] : matrixGroups(tile, tiles, rows, columns, layers),
  });
}

/** Loop iterations over all taps and, in vectors where they are whole, the channels that are summed. */
export function tapIterations(
  { filterHeight, filterWidth }: Conv2DInfo,
  channels: number,
): number {
  const steps = channels % 4 === 0 ? channels / 4 : channels;
  return filterHeight * (1 + filterWidth * (1 + steps));
}
