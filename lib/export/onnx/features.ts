/**
 * The contrastive stage's network as an ONNX model; pretrain/encoder.ts says what it computes.
 *
 * @module
 */

import type { StateDict } from "../../nn/parameters.ts";
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from "../../mix/view.ts";
import type { PretrainConfig } from "../../pretrain/config.ts";
import { BACKBONE, featureStride } from "../../pretrain/encoder.ts";
import { GraphBuilder, type Value } from "./graph.ts";
import { resnetGraph } from "./resnet.ts";
import type { OnnxModel } from "./schema.ts";

/**
 * From `images` `[batch,3,height,width]` (RGB, 0..1, sides multiples of 32; ImageNet's normalisation is inside) to
 * `embeddings` `[batch,D,height/4,width/4]`, each pixel's of unit length, and `scores` `[batch,K,height/4,width/4]`,
 * their cosines with the prototypes.
 *
 * @param state A checkpoint of the stage.
 * @throws {CheckpointError} when it lacks a parameter of such a network.
 */
export function featuresModel(state: StateDict, config: PretrainConfig): OnnxModel {
  const graph = new GraphBuilder(state);
  const centred = graph.node("Sub", ["images", graph.floats(IMAGENET_MEAN, [1, 3, 1, 1])]);
  const input = graph.node("Div", [centred, graph.floats(IMAGENET_DEVIATION, [1, 3, 1, 1])]);
  const seen = graph.enlarge(input, config.enlarge ?? 1);
  const [, ...maps] = resnetGraph(graph, seen, `${BACKBONE}.`, config.depth);
  const projections = projectorGraph(graph, pyramidGraph(graph, maps, config), config);
  const embeddings = graph.unitLength(projections, "embeddings");
  const { prototypes, embeddingSize } = config;
  const rows = graph.floats(unitRowsOf(graph.weights("prototypes").data, embeddingSize), [
    prototypes,
    embeddingSize,
    1,
    1,
  ], "prototypes");
  graph.node("Conv", [embeddings, rows], { kernel_shape: [1, 1] }, "scores");
  const stride = featureStride(config);
  const output = (name: string, channels: number, docString: string) => ({
    name,
    docString,
    dims: ["batch", channels, "rows", "columns"],
  });
  return {
    docString:
      `Features of urban scenes, learnt without labels. rows = height / ${stride}, columns = width / ${stride}.`,
    metadata: { network: `resnet${config.depth} width ${config.width}`, input: "RGB 0..1" },
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [{
      name: "images",
      docString: "RGB, 0..1; height and width are multiples of 32",
      dims: ["batch", 3, "height", "width"],
    }],
    outputs: [
      output("embeddings", embeddingSize, "each pixel's of unit length"),
      output("scores", prototypes, "cosines with the prototypes"),
    ],
  };
}

/** nn/fpn.ts: top-down, then the semantic branch. */
function pyramidGraph(
  graph: GraphBuilder,
  maps: readonly Value[],
  { topDownChannels = 0 }: PretrainConfig,
): Value {
  let above: Value | undefined, sum: Value | undefined;
  for (let level = maps.length - 1; level >= 0; level--) {
    const lateral = graph.convolution(maps[level], { name: `pyramid.lateral.${level}` });
    above = above ? graph.node("Add", [lateral, graph.double(above)]) : lateral;
    let x = topDownChannels > 0
      ? graph.convolution(above, { name: `pyramid.output.${level}` })
      : above;
    for (let j = 0; j < Math.max(1, level); j++) {
      const part = `pyramid.head.${level}.${j}`;
      x = graph.relu(graph.convolution(x, { name: `${part}.conv`, norm: `${part}.norm` }));
      if (level > 0) x = graph.enlarge(x, 2);
    }
    sum = sum ? graph.node("Add", [sum, x]) : x;
  }
  return sum!;
}

function projectorGraph(graph: GraphBuilder, x: Value, config: PretrainConfig): Value {
  if (config.projectorChannels === 0) return graph.convolution(x, { name: "projector.0" });
  const wide = graph.convolution(x, { name: "projector.0", norm: "projector.1" });
  return graph.convolution(graph.relu(wide), { name: "projector.3" });
}

/** Rows of length `size` brought to unit length. */
function unitRowsOf(values: ArrayLike<number>, size: number): Float32Array {
  const lengths = new Float64Array(values.length / size);
  for (let i = 0; i < values.length; i++) lengths[Math.floor(i / size)] += values[i] ** 2;
  return Float32Array.from(values, (v, i) => v / Math.sqrt(lengths[Math.floor(i / size)] + 1e-12));
}
