/**
 * What is timed: a kernel on operands of a shape, and the product of matrices that it is.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import {
  type ConvKind,
  convolutionMatrices,
  type Matrices,
} from "../../lib/engine/webgpu/kernels/conv/blocks.ts";
import { convGeometry } from "../../lib/engine/webgpu/kernels/conv/geometry.ts";
import { winogradSizes } from "../../lib/engine/webgpu/kernels/conv/winograd.ts";
import { type ConvShape, type ProductShape, productsOf } from "./shapes.ts";

/** See the module's comment. */
export interface Case extends Pick<Matrices, "kind" | "rows" | "columns" | "depth" | "phases"> {
  readonly name: string;
  /** Operations on numbers, two for each product. */
  readonly operations: number;
  /** Shapes of the operands. */
  readonly operands: Readonly<Record<string, readonly number[]>>;
  /** Sizes of a convolution that Winograd's tiles may serve, as the engine counts them. */
  readonly winograd?: ReturnType<typeof winogradSizes>;
  run(operands: Record<string, tf.Tensor>): tf.Tensor;
}

/** Plain products. */
export function productCases(shapes: readonly ProductShape[]): Case[] {
  return shapes.map(({ rows, columns, depth, transposeA = false, transposeB = false }) => ({
    name: `product ${rows}x${depth}x${columns}${transposeA ? " a^T" : ""}${
      transposeB ? " b^T" : ""
    }`,
    kind: "product",
    rows,
    columns,
    depth,
    phases: 1,
    operations: 2 * rows * columns * depth,
    operands: {
      a: transposeA ? [depth, rows] : [rows, depth],
      b: transposeB ? [columns, depth] : [depth, columns],
    },
    run: ({ a, b }) => tf.matMul(a, b, transposeA, transposeB),
  }));
}

const KERNELS: Readonly<Record<ConvKind, string>> = {
  forward: "Conv2D",
  inputGradient: "Conv2DBackpropInput",
  filterGradient: "Conv2DBackpropFilter",
};

/** A convolution and its gradients. */
export function convolutionCases(shape: ConvShape): Case[] {
  const { input, outputs, size, stride } = shape;
  const filter = [size, size, input[3], outputs], pad = (size - 1) / 2;
  const attrs = { strides: stride, pad, dataFormat: "NHWC", dilations: 1 };
  const info = convGeometry(attrs, [...input], filter);
  const operands: Record<ConvKind, Record<string, readonly number[]>> = {
    forward: { x: input, filter },
    inputGradient: { dy: info.outShape, filter },
    filterGradient: { x: input, dy: info.outShape },
  };
  return (Object.keys(KERNELS) as ConvKind[]).map((kind) => ({
    name: `${kind} ${input.join("x")} by ${size}x${size}${
      stride > 1 ? "/" + stride : ""
    } to ${outputs}`,
    ...convolutionMatrices(kind, info, Object.values(operands[kind])[0])!,
    operations: 2 * productsOf(shape),
    winograd: winogradSizes(info),
    operands: operands[kind],
    run: (tensors) =>
      tf.engine().runKernel(KERNELS[kind], tensors, {
        ...attrs,
        inputShape: [...input],
        filterShape: filter,
      } as unknown as tf.NamedAttrMap) as tf.Tensor,
  }));
}
