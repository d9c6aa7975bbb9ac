/**
 * The evaluation stage of a run: trained and untrained features by one protocol, beside colour k-means.
 *
 * @module
 */

import {
  clusterProtocol,
  type ClusterProtocolResult,
  prototypeUsage,
} from "../evaluate/cluster_protocol.ts";
import { colourPositionBaseline } from "../evaluate/colour_baseline.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import type { Frame, SegmentationScore } from "../records.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { RunConfig } from "./run_folder.ts";

/** Every how many-th training frame tells which prototypes are in use. */
const USAGE_STRIDE = 4;

/** What is compared in a run's table. */
export interface Evaluation {
  readonly trained: ClusterProtocolResult;
  readonly untrained: SegmentationScore;
  readonly colour: SegmentationScore;
}

/** Protocol `cluster` on labelled frames; prototypes that training frames do not use form no groups. */
export async function evaluateClusters(
  pretrainer: Pretrainer,
  trainFrames: readonly Frame[],
  { dataset, frames }: LoadedDataset,
): Promise<ClusterProtocolResult> {
  const count = pretrainer.config.prototypes;
  const seen = trainFrames.filter((_, i) => i % USAGE_STRIDE === 0);
  return await clusterProtocol({
    assigner: pretrainer,
    prototypes: await pretrainer.prototypes(),
    prototypeCount: count,
    frames,
    classes: dataset.classes.length,
    ignore: dataset.ignore,
    usage: await prototypeUsage(pretrainer, count, seen),
  });
}

/** The whole comparison of a run. */
export async function evaluateRun(
  config: RunConfig,
  pretrainer: Pretrainer,
  trainFrames: readonly Frame[],
  test: LoadedDataset,
): Promise<Evaluation> {
  const untrained = new Pretrainer(config.settings.pretrain, config.seed);
  const { classes, ignore } = test.dataset;
  try {
    return {
      trained: await evaluateClusters(pretrainer, trainFrames, test),
      untrained: (await evaluateClusters(untrained, trainFrames, test)).score,
      colour: colourPositionBaseline(trainFrames, test.frames, classes.length, ignore, config.seed),
    };
  } finally {
    untrained.dispose();
  }
}
