/**
 * Protocol `cluster`: prototypes are grouped without labels into as many groups as classes, each
 * pixel takes the group of its nearest prototype, and groups are matched one to one to classes on
 * the IoU over the whole set.
 *
 * @module
 */
import type { Frame, SegmentationScore } from "../records.ts";
import { agglomerate } from "./clustering.ts";
import { batches, labelsOf } from "./frames.ts";
import { matchClusters } from "./matching.ts";
import { groupPrototypes, type PrototypeModel, prototypeUse } from "./prototype_groups.ts";
import { addToConfusion, emptyConfusion, foldColumns, scoreConfusion } from "./score.ts";

/** Input of {@linkcode clusterProtocol}. */
export interface ClusterProtocolInput {
  /** The trained network. */
  readonly model: PrototypeModel;
  /** K. */
  readonly prototypeCount: number;
  /** Frames with labels, which are scored. */
  readonly frames: Iterable<Frame> | AsyncIterable<Frame>;
  /** C, classes of the labels and groups of the prototypes. */
  readonly classes: number;
  /** The label of pixels that do not count. */
  readonly ignore: number;
  /**
   * Frames that tell what each prototype stands for ({@linkcode groupPrototypes}); their labels are
   * not looked at. Without them prototypes are grouped by their own directions.
   */
  readonly trainFrames?: readonly Frame[];
  /** Frames that are assigned together; 8 by default. */
  readonly batch?: number;
}

/** What {@linkcode clusterProtocol} answers. */
export interface ClusterProtocolResult {
  /** Over all frames, after grouping and matching. */
  readonly score: SegmentationScore;
  /** `[K]` the class that stands for each prototype after grouping and matching. */
  readonly classOfPrototype: Int32Array;
}

/**
 * Scores a trained network by protocol `cluster`. The number of groups always equals `classes`.
 *
 * @example
 * ```ts
 * import { clusterProtocol, Pretrainer, readFrames, streetScenes } from "@cpcdr/cpcdr";
 * import { tinyPretrainConfig, useDevice } from "@cpcdr/cpcdr";
 * await useDevice("cpu");
 * const scenes = streetScenes({ seed: 0, split: "test", sequences: 2, framesPerSequence: 1 });
 * const pretrainer = new Pretrainer(tinyPretrainConfig, 0);
 * const { score } = await clusterProtocol({
 *   model: pretrainer,
 *   prototypeCount: tinyPretrainConfig.prototypes,
 *   frames: readFrames(scenes, scenes.frames.keys(), { height: 64, width: 128 }),
 *   classes: scenes.classes.length,
 *   ignore: scenes.ignore,
 * });
 * console.log("mIoU", score.miou, "of a network that has learnt nothing");
 * pretrainer.dispose();
 * ```
 *
 * @throws {ConfigError} when there are fewer prototypes than classes; {DataError} when a frame has
 * no labels or a label out of range.
 */
export async function clusterProtocol(input: ClusterProtocolInput): Promise<ClusterProtocolResult> {
  const { model, prototypeCount: count, frames, classes, ignore, trainFrames, batch = 8 } = input;
  const prototypes = await model.prototypes();
  const groupOf = trainFrames?.length
    ? groupPrototypes(prototypes, await prototypeUse(model, trainFrames, batch), classes)
    : agglomerate(prototypes, count, prototypes.length / count, classes);
  const byPrototype = emptyConfusion(classes, count);
  for await (const group of batches(frames, batch)) {
    const assigned = await model.assign(group);
    group.forEach((frame, i) => addToConfusion(byPrototype, labelsOf(frame), assigned[i], ignore));
  }
  const { classOfCluster, matched } = matchClusters(foldColumns(byPrototype, groupOf, classes));
  return {
    score: scoreConfusion(matched),
    classOfPrototype: groupOf.map((group) => classOfCluster[group]),
  };
}
