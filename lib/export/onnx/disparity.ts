/**
 * The depth network as an ONNX model; depth/depth_network.ts says what it computes.
 *
 * @module
 */

import type { DepthConfig, InitialDisparity } from "../../depth/config.ts";
import type { StateDict } from "../../nn/parameters.ts";
import { GraphBuilder, type Value } from "./graph.ts";
import { resnetGraph } from "./resnet.ts";
import type { OnnxModel } from "./schema.ts";

/**
 * From `images` `[batch,3,height,width]` (RGB, 0..1, sides multiples of 32, at least 64) to `inverse_depth`
 * `[batch,1,height,width]` in the unknown unit of the video, as {@linkcode DepthTrainer.predict} answers without
 * its mirrored frame.
 *
 * @param state A checkpoint of the depth stage.
 * @throws {CheckpointError} when it lacks a parameter of such a network.
 */
export function disparityModel(state: StateDict, config: DepthConfig): OnnxModel {
  const graph = new GraphBuilder(state);
  const scalar = (value: number) => graph.floats([value], []);
  const input = graph.node("Div", [graph.node("Sub", ["images", scalar(0.45)]), scalar(0.225)]);
  const maps = resnetGraph(graph, input, "depth.encoder.", config.depth);
  const joining = [config.imageSkip ? input : undefined, ...maps];
  let x = maps[4];
  for (let level = 4; level >= 0; level--) {
    x = graph.double(layer(graph, x, `depth.decoder.up.${level}.0`, config));
    const skip = joining[level];
    if (skip) x = graph.node("Concat", [x, skip], { axis: 1 });
    x = layer(graph, x, `depth.decoder.up.${level}.1`, config);
  }
  const head = graph.convolution(x, { name: "depth.decoder.disparity.0", border: "mirror" });
  const start = initialLogits(graph, head, config.initialDisparity);
  let disparity = graph.node("Sigmoid", [graph.node("Add", [head, start])]);
  if (config.meanDisparity > 0) {
    const mean = graph.node("ReduceMean", [disparity], { axes: [1, 2, 3] });
    const factor = graph.node("Div", [scalar(config.meanDisparity), mean]);
    disparity = graph.node("Mul", [disparity, factor]);
  }
  const [low, high] = [1 / config.maxDepth, 1 / config.minDepth];
  const scaled = graph.node("Mul", [disparity, scalar(high - low)]);
  graph.node("Add", [scaled, scalar(low)], {}, "inverse_depth");
  return {
    docString: "Inverse depth of a frame, learnt from video alone, up to one unknown scale.",
    metadata: { network: `resnet${config.depth} width ${config.width}`, input: "RGB 0..1" },
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [{
      name: "images",
      docString: "RGB, 0..1; height and width are multiples of 32, at least 64",
      dims: ["batch", 3, "height", "width"],
    }],
    outputs: [{
      name: "inverse_depth",
      docString: "in the unknown unit of the video",
      dims: ["batch", 1, "height", "width"],
    }],
  };
}

/** A convolution with a mirrored border, normalised or not. */
function layer(graph: GraphBuilder, x: Value, name: string, { decoderNorm }: DepthConfig): Value {
  if (!decoderNorm) return graph.node("Elu", [graph.convolution(x, { name, border: "mirror" })]);
  return graph.relu(graph.convolution(x, { name, norm: `${name}.norm`, border: "mirror" }));
}

/** `[1,1,height,1]`: what is added in each row, of as many rows as `map` has. */
function initialLogits(graph: GraphBuilder, map: Value, initial: InitialDisparity): Value {
  const { far, near, horizon } = initial;
  const scalar = (value: number) => graph.floats([value], []);
  if (far === near) return scalar(Math.log(far / (1 - far)));
  const height = graph.node("Gather", [graph.node("Shape", [map]), graph.integers(2)]);
  const rows = graph.node("Range", [graph.integers(0), height, graph.integers(1)]);
  const asFloat = (x: Value) => graph.node("Cast", [x], { to: 1 });
  const centres = graph.node("Add", [asFloat(rows), scalar(0.5)]);
  const positions = graph.node("Div", [centres, asFloat(height)]);
  const past = graph.node("Sub", [positions, scalar(horizon)]);
  const below = graph.relu(graph.node("Div", [past, scalar(1 - horizon)]));
  const rise = graph.node("Mul", [below, scalar(near - far)]);
  const disparity = graph.node("Add", [rise, scalar(far)]);
  const rest = graph.node("Sub", [scalar(1), disparity]);
  const logits = graph.node("Log", [graph.node("Div", [disparity, rest])]);
  return graph.node("Reshape", [logits, graph.integers([1, 1, -1, 1])]);
}
