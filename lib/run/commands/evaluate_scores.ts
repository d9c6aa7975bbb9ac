/**
 * What `evaluate` scores features by, and on which labels a protocol may train.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { finetune, type FinetuneInput } from "../../evaluate/finetune.ts";
import { defaultFinetuneConfig } from "../../evaluate/finetune_config.ts";
import { kmeansProtocol } from "../../evaluate/kmeans_protocol.ts";
import { linearProbe } from "../../evaluate/linear_probe.ts";
import type { StateDict } from "../../nn/parameters.ts";
import type { Pretrainer } from "../../pretrain/pretrainer.ts";
import type { Frame, SegmentationScore } from "../../records.ts";
import { evaluateClusters, isTelling, WatchedModel } from "../evaluate_stage.ts";
import { frameKey, type LoadedDataset, openInputs } from "../inputs.ts";
import type { Session } from "../session.ts";
import type { RunConfig } from "../storage/run_folder.ts";
import type { EvaluateOptions } from "./evaluate_options.ts";

/** A score, and what a protocol says beside it. */
export interface Scored {
  readonly score: SegmentationScore;
  readonly details?: Readonly<Record<string, number>>;
  /** Of protocol `cluster`. */
  readonly classOfPrototype?: Int32Array;
}

/** The data that a run was trained on; for protocol `cluster` those frames alone that it looks at. */
export async function trainingData(
  config: RunConfig,
  session: Session,
  protocol: EvaluateOptions["protocol"],
): Promise<LoadedDataset[]> {
  const loaded: LoadedDataset[] = [];
  let index = 0;
  const wanted = () => protocol !== "cluster" || isTelling(index++);
  for (const input of await openInputs(config.data, config, session.folder)) {
    loaded.push(await input.load(session, wanted));
  }
  return loaded;
}

/**
 * The data whose labels can be trained on for a test, and how many of the test's frames are among them.
 *
 * @throws {DataError} when none has labels of the test's classes.
 */
function labelledAlike(
  train: readonly LoadedDataset[],
  test: LoadedDataset,
): { frames: Frame[]; overlap: number } {
  const { classes, ignore, name } = test.dataset;
  const alike = train.filter(({ dataset, frames }) =>
    dataset.ignore === ignore && dataset.classes.join() === classes.join() &&
    frames.some(({ labels }) => labels)
  );
  if (alike.length === 0) {
    throw new DataError(
      `Cannot train on labels for ${name}: expected its classes in the run's own data ` +
        `${
          train.map(({ dataset }) => dataset.name).join(", ")
        } too, got others; use --protocol cluster`,
    );
  }
  const frames = alike.flatMap(({ frames }) => frames.filter(({ labels }) => labels));
  const known = new Set(frames.map(frameKey));
  return { frames, overlap: test.frames.filter((frame) => known.has(frameKey(frame))).length };
}

/** Scores features by the protocol that is asked for. */
export async function scoreBy(
  options: EvaluateOptions,
  pretrainer: Pretrainer,
  train: readonly LoadedDataset[],
  test: LoadedDataset,
  session: Session,
): Promise<Scored> {
  const { protocol, seed = 0 } = options;
  const { progress } = session;
  const { frames, dataset: { classes: { length: classes }, ignore } } = test;
  const trainFrames = train.flatMap((data) => data.frames);
  const watched = (count: number) =>
    new WatchedModel(pretrainer, progress, "evaluation", count + frames.length);
  if (protocol === "cluster") {
    return await evaluateClusters(pretrainer, trainFrames, test, progress);
  }
  if (protocol === "kmeans") {
    const embedder = watched(trainFrames.length);
    const score = await kmeansProtocol({ embedder, trainFrames, frames, classes, ignore, seed });
    return { score };
  }
  const labelled = labelledAlike(train, test);
  if (labelled.overlap > 0) {
    session.warn(
      `${labelled.overlap} of ${frames.length} scored frames are trained on with their labels: the score says how ` +
        "well those are fitted, not what is learnt; name other frames with --data",
    );
  }
  const shared = { trainFrames: labelled.frames, frames, classes, ignore, seed };
  const { score, details } = protocol === "finetune"
    ? await scoreFinetuned(options, pretrainer, shared, session)
    : {
      score: await linearProbe({ ...shared, embedder: watched(labelled.frames.length) }),
      details: { labelledFrames: labelled.frames.length },
    };
  return { score, details: { ...details, scoredFramesTrainedOn: labelled.overlap } };
}

/** From the run's checkpoint, and from random weights with the same labels, batches and views. */
async function scoreFinetuned(
  { labelFraction = defaultFinetuneConfig.labelFraction, steps = defaultFinetuneConfig.steps }:
    EvaluateOptions,
  pretrainer: Pretrainer,
  input: Omit<FinetuneInput, "network">,
  { progress }: Session,
): Promise<Scored> {
  const tune = async (name: string, pretrained?: StateDict) =>
    await finetune({
      ...input,
      network: pretrainer.config,
      pretrained,
      config: { labelFraction, steps },
      report: (completed) => progress.update(`fine-tuning ${name}`, completed, steps),
    });
  const tuned = await tune("from the run", await pretrainer.export());
  const random = await tune("from random weights");
  return {
    score: tuned.score,
    details: {
      randomInitMiou: random.score.miou,
      randomInitAccuracy: random.score.accuracy,
      labelFraction,
      labelledFrames: tuned.labelledFrames,
      steps,
      loss: tuned.losses[steps - 1],
      randomInitLoss: random.losses[steps - 1],
    },
  };
}
