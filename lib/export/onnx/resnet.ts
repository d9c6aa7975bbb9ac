/**
 * A ResNet as a graph; nn/resnet.ts says what it computes.
 *
 * @module
 */

import { BLOCK_COUNTS, type ResNetOptions } from "../../nn/resnet.ts";
import type { GraphBuilder, Value } from "./graph.ts";

/** Adds the network whose parameters begin with `prefix`; its maps of 1/2, 1/4, ... 1/32 of the size. */
export function resnetGraph(
  graph: GraphBuilder,
  images: Value,
  prefix: string,
  depth: ResNetOptions["depth"],
): Value[] {
  const stem = graph.convolution(images, {
    name: `${prefix}conv1`,
    norm: `${prefix}bn1`,
    stride: 2,
  });
  const maps = [graph.relu(stem)];
  let x = graph.node("MaxPool", [maps[0]], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  });
  BLOCK_COUNTS[depth].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const projected = block === 0 && (stage > 0 || depth === 50);
      x = blockGraph(graph, x, `${prefix}layer${stage + 1}.${block}.`, {
        // Of a bottleneck the middle convolution strides, of a basic block the first.
        strides: depth === 50 ? [1, stride, 1] : [stride, 1],
        projected,
        stride,
      });
    }
    maps.push(x);
  });
  return maps;
}

function blockGraph(
  graph: GraphBuilder,
  x: Value,
  prefix: string,
  { strides, projected, stride }: {
    readonly strides: readonly number[];
    readonly projected: boolean;
    readonly stride: number;
  },
): Value {
  let y = x;
  strides.forEach((stride, i) => {
    const [name, norm] = [`${prefix}conv${i + 1}`, `${prefix}bn${i + 1}`];
    y = graph.convolution(y, { name, norm, stride });
    if (i < strides.length - 1) y = graph.relu(y);
  });
  const skip = projected
    ? graph.convolution(x, {
      name: `${prefix}downsample.0`,
      norm: `${prefix}downsample.1`,
      stride,
    })
    : x;
  return graph.relu(graph.node("Add", [y, skip]));
}
