/**
 * The evaluation stage of a run: trained and untrained features by one protocol, beside colour k-means.
 *
 * @module
 */

import { clusterProtocol, type ClusterProtocolResult } from "../evaluate/cluster_protocol.ts";
import { colourPositionBaseline } from "../evaluate/colour_baseline.ts";
import {
  groupPrototypes,
  type PrototypeModel,
  prototypeUse,
} from "../evaluate/prototype_groups.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import type { Embedding, Frame, SegmentationScore } from "../records.ts";
import { idColour, type Rgb } from "../report/palette.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { Progress } from "./progress.ts";
import type { RunConfig } from "./storage/run_folder.ts";

/** Every how many-th training frame tells what prototypes stand for. */
const TELLING_STRIDE = 4;

/** Whether the training frame at this index, of all of a run, tells what prototypes stand for. */
export const isTelling = (index: number): boolean => index % TELLING_STRIDE === 0;

/** The training frames that {@linkcode isTelling}. */
export const tellingFrames = (trainFrames: readonly Frame[]): Frame[] =>
  trainFrames.filter((_, i) => isTelling(i));

/** What is compared in a run's table. */
export interface Evaluation {
  readonly trained: ClusterProtocolResult;
  readonly untrained: SegmentationScore;
  readonly colour: SegmentationScore;
}

/** A network whose work on frames shows in progress. */
export class WatchedModel implements PrototypeModel {
  #done = 0;

  /** `total` frames will be looked at. */
  constructor(
    readonly model: PrototypeModel,
    readonly progress: Progress,
    readonly stage: string,
    readonly total: number,
  ) {}

  prototypes(): Promise<Float32Array> {
    return this.model.prototypes();
  }

  async embed(frames: readonly Frame[]): Promise<Embedding> {
    const features = await this.model.embed(frames);
    this.#count(frames.length);
    return features;
  }

  async assign(frames: readonly Frame[]): Promise<readonly Int32Array[]> {
    const ids = await this.model.assign(frames);
    this.#count(frames.length);
    return ids;
  }

  #count(frames: number): void {
    this.#done += frames;
    this.progress.update(this.stage, this.#done, this.total);
  }
}

/**
 * Protocol `cluster` on labelled frames, prototypes grouped by their use on training frames.
 *
 * @param telling {@linkcode tellingFrames}.
 */
export async function evaluateClusters(
  pretrainer: Pretrainer,
  telling: readonly Frame[],
  { dataset, frames }: LoadedDataset,
  progress: Progress,
  stage = "evaluation",
): Promise<ClusterProtocolResult> {
  return await clusterProtocol({
    model: new WatchedModel(pretrainer, progress, stage, telling.length + frames.length),
    prototypeCount: pretrainer.config.prototypes,
    trainFrames: telling,
    frames,
    classes: dataset.classes.length,
    ignore: dataset.ignore,
  });
}

/** Groups of prototypes that are told apart where no classes say how many. */
const UNLABELLED_GROUPS = 12;

/** Groups that stand in for classes. */
export interface UnlabelledGroups {
  /** `[K]` the group of each prototype. */
  readonly groupOf: Int32Array;
  /** Of each group. */
  readonly colours: readonly Rgb[];
}

/** Prototypes grouped by their use on training frames, where no labels name them. */
export async function unlabelledGroups(
  pretrainer: Pretrainer,
  trainFrames: readonly Frame[],
): Promise<UnlabelledGroups> {
  const use = await prototypeUse(pretrainer, tellingFrames(trainFrames));
  const count = Math.min(UNLABELLED_GROUPS, pretrainer.config.prototypes);
  return {
    groupOf: groupPrototypes(await pretrainer.prototypes(), use, count),
    colours: Array.from({ length: count }, (_, group) => idColour(group)),
  };
}

/** `[H,W]` the class or group of each pixel's nearest prototype, one array a frame. */
export async function segment(
  pretrainer: Pretrainer,
  frames: readonly Frame[],
  idOfPrototype: Int32Array,
): Promise<Int32Array[]> {
  const assigned = await pretrainer.assign(frames);
  return assigned.map((ids) => ids.map((prototype) => idOfPrototype[prototype]));
}

/** The whole comparison of a run. */
export async function evaluateRun(
  config: RunConfig,
  pretrainer: Pretrainer,
  trainFrames: readonly Frame[],
  test: LoadedDataset,
  progress: Progress,
): Promise<Evaluation> {
  const untrained = new Pretrainer(config.settings.pretrain, config.seed);
  const { classes, ignore } = test.dataset;
  const telling = tellingFrames(trainFrames);
  try {
    return {
      trained: await evaluateClusters(pretrainer, telling, test, progress),
      untrained: (await evaluateClusters(
        untrained,
        telling,
        test,
        progress,
        "evaluation, untrained",
      )).score,
      colour: colourPositionBaseline(trainFrames, test.frames, classes.length, ignore, config.seed),
    };
  } finally {
    untrained.dispose();
  }
}
