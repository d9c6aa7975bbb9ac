/**
 * The evaluation stage of a run: trained and untrained features by one protocol, beside colour k-means.
 *
 * @module
 */

import { clusterProtocol, type ClusterProtocolResult } from "../evaluate/cluster_protocol.ts";
import { colourPositionBaseline } from "../evaluate/colour_baseline.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import type { Frame, SegmentationScore } from "../records.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { RunConfig } from "./run_folder.ts";

/** Every how many-th training frame tells what prototypes stand for. */
const USAGE_STRIDE = 4;

/** What is compared in a run's table. */
export interface Evaluation {
  readonly trained: ClusterProtocolResult;
  readonly untrained: SegmentationScore;
  readonly colour: SegmentationScore;
}

/** Protocol `cluster` on labelled frames, prototypes grouped by their use on training frames. */
export async function evaluateClusters(
  pretrainer: Pretrainer,
  trainFrames: readonly Frame[],
  { dataset, frames }: LoadedDataset,
): Promise<ClusterProtocolResult> {
  return await clusterProtocol({
    model: pretrainer,
    prototypeCount: pretrainer.config.prototypes,
    trainFrames: trainFrames.filter((_, i) => i % USAGE_STRIDE === 0),
    frames,
    classes: dataset.classes.length,
    ignore: dataset.ignore,
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
