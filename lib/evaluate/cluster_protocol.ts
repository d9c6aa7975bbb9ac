/**
 * Protocol `cluster`: prototypes are grouped without labels into as many groups as classes, each
 * pixel takes the group of its nearest prototype, and groups are matched one to one to classes on
 * the IoU over the whole set.
 *
 * @module
 */
import type { Frame, SegmentationScore } from "../records.ts";
import { agglomerate, agglomerateUsed } from "./clustering.ts";
import { batches, labelsOf } from "./frames.ts";
import { matchClusters } from "./matching.ts";
import { addToConfusion, emptyConfusion, foldColumns, scoreConfusion } from "./score.ts";

/** What the protocol needs of a trained network: `Pretrainer` in `pretrain/` has this shape. */
export interface PrototypeAssigner {
  /** Nearest prototype of every pixel, one `[H,W]` array a frame. */
  assign(frames: readonly Frame[]): Promise<readonly Int32Array[]>;
}

/** Input of {@linkcode clusterProtocol}. */
export interface ClusterProtocolInput {
  readonly assigner: PrototypeAssigner;
  /** `[K,D]` prototypes. */
  readonly prototypes: Float32Array;
  /** K. */
  readonly prototypeCount: number;
  /** Frames with labels, which are scored. */
  readonly frames: Iterable<Frame> | AsyncIterable<Frame>;
  readonly classes: number;
  readonly ignore: number;
  /**
   * `[K]` how often each prototype was nearest on training frames ({@linkcode prototypeUsage}).
   * With it prototypes below `minimumShare` do not form groups of their own.
   */
  readonly usage?: Float64Array;
  /** Share of all training pixels from which a prototype counts as used; 1/(10 K) by default. */
  readonly minimumShare?: number;
  /** Frames that are assigned together; 8 by default. */
  readonly batch?: number;
}

/** What {@linkcode clusterProtocol} answers. */
export interface ClusterProtocolResult {
  readonly score: SegmentationScore;
  /** `[K]` the class that stands for each prototype after grouping and matching. */
  readonly classOfPrototype: Int32Array;
}

/**
 * Scores a trained network by protocol `cluster`. The number of groups always equals `classes`.
 *
 * @throws {ConfigError} when there are fewer prototypes than classes; {DataError} when a frame has
 * no labels or a label out of range.
 */
export async function clusterProtocol(input: ClusterProtocolInput): Promise<ClusterProtocolResult> {
  const { assigner, prototypes, prototypeCount: count, frames, classes, ignore } = input;
  const dimension = prototypes.length / count;
  const groupOf = input.usage
    ? agglomerateUsed(
      prototypes,
      count,
      dimension,
      classes,
      input.usage,
      input.minimumShare ?? 0.1 / count,
    )
    : agglomerate(prototypes, count, dimension, classes);
  const byPrototype = emptyConfusion(classes, count);
  for await (const batch of batches(frames, input.batch ?? 8)) {
    const assigned = await assigner.assign(batch);
    batch.forEach((frame, i) => addToConfusion(byPrototype, labelsOf(frame), assigned[i], ignore));
  }
  const { classOfCluster, matched } = matchClusters(foldColumns(byPrototype, groupOf, classes));
  return {
    score: scoreConfusion(matched),
    classOfPrototype: groupOf.map((group) => classOfCluster[group]),
  };
}

/** How many pixels of the given (training) frames have each prototype as their nearest, `[K]`. */
export async function prototypeUsage(
  assigner: PrototypeAssigner,
  prototypeCount: number,
  frames: Iterable<Frame> | AsyncIterable<Frame>,
  batch = 8,
): Promise<Float64Array> {
  const usage = new Float64Array(prototypeCount);
  for await (const group of batches(frames, batch)) {
    for (const ids of await assigner.assign(group)) {
      for (const id of ids) usage[id]++;
    }
  }
  return usage;
}
