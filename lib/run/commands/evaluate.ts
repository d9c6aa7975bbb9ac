/**
 * `evaluate`: scores a run's features on labelled frames.
 *
 * @module
 */

import { CheckpointError, ConfigError, DataError } from "../../errors.ts";
import { kmeansProtocol } from "../../evaluate/kmeans_protocol.ts";
import { linearProbe } from "../../evaluate/linear_probe.ts";
import type { Pretrainer } from "../../pretrain/pretrainer.ts";
import type { Frame, SegmentationScore } from "../../records.ts";
import { depthRegions } from "../../regions/depth_regions.ts";
import { classColours } from "../../report/palette.ts";
import { depthOfRun, predictDepth } from "../depth_stage.ts";
import { evaluateClusters, WatchedModel } from "../evaluate_stage.ts";
import { intrinsicsFor, type LoadedDataset, openInputs, SCENES } from "../inputs.ts";
import { outputNames, writePredictions } from "../predictions.ts";
import { featuresOfRun } from "../pretrain_stage.ts";
import { readRun, type RunConfig } from "../run_folder.ts";
import type { Session } from "../session.ts";
import { percent, textTable } from "../table.ts";
import { answer, type CommonOptions, inSession, startDevice } from "./common.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions extends CommonOptions {
  readonly run: string;
  readonly data?: readonly string[];
  readonly protocol: "cluster" | "kmeans" | "linear";
  readonly split: "validation" | "test";
  /** Where what is predicted for every scored frame is written; protocol `cluster` alone. */
  readonly predictions?: string;
}

/** Runs the command. */
export async function evaluate(options: EvaluateOptions): Promise<void> {
  const { predictions, protocol, split } = options;
  if (predictions && protocol !== "cluster") {
    throw new ConfigError(
      `Cannot write --predictions ${predictions}: expected --protocol cluster, got ${protocol}; leave one out`,
    );
  }
  if (options.data && options.data.length > 1) {
    throw new ConfigError(
      `Cannot score on several --data: expected one, got ${
        options.data.join(", ")
      }; run evaluate for each`,
    );
  }
  await inSession(options.run, options, async (session) => {
    const config = await readRun(options.run);
    const path = options.data?.[0] ?? config.data[0];
    const [input] = await openInputs([path], { ...config, split }, options.run);
    const test = await input.load(session);
    requireLabels(path, test);
    const device = await startDevice(session, options);
    const pretrainer = await featuresOfRun(options.run, config, session.warn);
    if (!pretrainer) {
      throw new CheckpointError(
        `Cannot evaluate ${options.run}: it has no checkpoint yet; run pretrain --resume first`,
      );
    }
    const train = await trainingFrames(config, session);
    const { score, classOfPrototype } = await scoreBy(
      protocol,
      pretrainer,
      train,
      test,
      options.seed ?? 0,
      session,
    );
    if (predictions && classOfPrototype) {
      await writeTo(predictions, session, config, pretrainer, test, classOfPrototype);
    }
    const { classes } = test.dataset;
    const perClass = Object.fromEntries(classes.map((name, id) => [name, score.perClass[id]]));
    const result = {
      run: options.run,
      data: path,
      split: path === SCENES ? split : undefined,
      protocol,
      device: device.detail,
      miou: score.miou,
      accuracy: score.accuracy,
      perClass,
    };
    const rows = [
      ["mIoU", `${percent(score.miou)}%`],
      ["pixel accuracy", `${percent(score.accuracy)}%`],
      ...classes.map((name, id) => [`  IoU ${name}`, `${percent(score.perClass[id])}%`]),
    ];
    answer(options, result, textTable([`protocol ${protocol}`, "value"], rows));
  });
}

/** @throws {DataError} when there is nothing to score on. */
function requireLabels(path: string, { dataset: { classes, ignore }, frames }: LoadedDataset) {
  if (classes.length === 0 || !frames[0].labels) {
    throw new DataError(
      `Cannot score on ${path}: expected labels/ and classes in dataset.json, got none; add them`,
    );
  }
  if (frames.some(({ labels }) => labels?.some((label) => label !== ignore))) return;
  throw new DataError(
    `Cannot score on ${path}: expected labels, got only ignored ones (${ignore}); the labels of test splits are ` +
      "often kept back, use --split validation",
  );
}

/** Depth and regions by the run's depth network, classes by its features. */
async function writeTo(
  folder: string,
  session: Session,
  config: RunConfig,
  pretrainer: Pretrainer,
  test: LoadedDataset,
  classOfPrototype: Int32Array,
): Promise<void> {
  const { frames, dataset: { classes } } = test;
  const trainer = await depthOfRun(config.depthRun ?? session.folder, session.warn);
  const maps = await predictDepth(session, trainer, frames);
  trainer.dispose();
  const regions = maps.map((map, i) =>
    depthRegions(map, intrinsicsFor(frames[i]), config.settings.regions, frames[i])
  );
  const segmentation = {
    classes,
    colours: classColours(classes),
    assign: async (group: readonly Frame[]) =>
      (await pretrainer.assign(group)).map((ids) => ids.map((id) => classOfPrototype[id])),
  };
  const all = { frames, names: outputNames([test]), maps, regions, segmentation };
  session.progress.say(`predictions: ${await writePredictions(folder, all, session.progress)}`);
}

async function trainingFrames(config: RunConfig, session: Session): Promise<LoadedDataset> {
  const frames: Frame[] = [];
  let first: LoadedDataset | undefined;
  for (const input of await openInputs(config.data, config, session.folder)) {
    const loaded = await input.load(session);
    first ??= loaded;
    frames.push(...loaded.frames);
  }
  return { dataset: first!.dataset, frames };
}

async function scoreBy(
  protocol: EvaluateOptions["protocol"],
  pretrainer: Pretrainer,
  train: LoadedDataset,
  test: LoadedDataset,
  seed: number,
  { progress }: Session,
): Promise<{ score: SegmentationScore; classOfPrototype?: Int32Array }> {
  if (protocol === "cluster") {
    return await evaluateClusters(pretrainer, train.frames, test, progress);
  }
  const { classes, ignore } = test.dataset;
  if (protocol === "linear" && train.dataset.classes.join() !== classes.join()) {
    throw new DataError(
      `Cannot train a linear probe for ${test.dataset.name}: expected its classes in the run's own data ` +
        `${train.dataset.name} too, got others; use --protocol cluster`,
    );
  }
  const shared = {
    embedder: new WatchedModel(
      pretrainer,
      progress,
      "evaluation",
      train.frames.length + test.frames.length,
    ),
    trainFrames: train.frames,
    frames: test.frames,
    classes: classes.length,
    ignore,
    seed,
  };
  return {
    score: protocol === "kmeans" ? await kmeansProtocol(shared) : await linearProbe(shared),
  };
}
