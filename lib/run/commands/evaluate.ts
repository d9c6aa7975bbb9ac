/**
 * `evaluate`: scores a run's features on labelled frames.
 *
 * @module
 */

import { useDevice } from "../../engine/device.ts";
import { CheckpointError, DataError } from "../../errors.ts";
import { kmeansProtocol } from "../../evaluate/kmeans_protocol.ts";
import { linearProbe } from "../../evaluate/linear_probe.ts";
import type { Pretrainer } from "../../pretrain/pretrainer.ts";
import type { Frame, SegmentationScore } from "../../records.ts";
import { evaluateClusters } from "../evaluate_stage.ts";
import { loadDataset, type LoadedDataset, openInput, SCENES } from "../inputs.ts";
import { featuresOfRun } from "../pretrain_stage.ts";
import { readRun } from "../run_folder.ts";
import { percent, textTable } from "../table.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions extends CommonOptions {
  readonly run: string;
  readonly data?: readonly string[];
  readonly protocol: "cluster" | "kmeans" | "linear";
  readonly split: "validation" | "test";
}

/** Runs the command. */
export async function evaluate(options: EvaluateOptions): Promise<void> {
  await inSession(options.run, options, async (session) => {
    const config = await readRun(options.run);
    const { settings } = config;
    const path = options.data?.[0] ?? config.data[0];
    const test = await loadDataset(
      await openInput(path, settings, options.split),
      settings,
      session.progress,
    );
    requireLabels(path, test);
    const device = await useDevice(options.device, { warn: session.warn });
    const pretrainer = await featuresOfRun(options.run, config, session.warn);
    if (!pretrainer) {
      throw new CheckpointError(
        `Cannot evaluate ${options.run}: it has no checkpoint yet; run pretrain --resume first`,
      );
    }
    const train = await trainingFrames(config.data, config, session);
    const score = await scoreBy(options.protocol, pretrainer, train, test, options.seed);
    const { classes } = test.dataset;
    const perClass = Object.fromEntries(classes.map((name, id) => [name, score.perClass[id]]));
    const result = {
      run: options.run,
      data: path,
      split: path === SCENES ? options.split : undefined,
      protocol: options.protocol,
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
    answer(options, result, textTable([`protocol ${options.protocol}`, "value"], rows));
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

async function trainingFrames(
  data: readonly string[],
  config: Awaited<ReturnType<typeof readRun>>,
  session: Parameters<Parameters<typeof inSession>[2]>[0],
): Promise<LoadedDataset> {
  const frames: Frame[] = [];
  let first: LoadedDataset | undefined;
  for (const path of data) {
    const loaded = await loadDataset(
      await openInput(path, config.settings),
      config.settings,
      session.progress,
    );
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
): Promise<SegmentationScore> {
  if (protocol === "cluster") return (await evaluateClusters(pretrainer, train.frames, test)).score;
  const { classes, ignore } = test.dataset;
  if (protocol === "linear" && train.dataset.classes.join() !== classes.join()) {
    throw new DataError(
      `Cannot train a linear probe for ${test.dataset.name}: expected its classes in the run's own data ` +
        `${train.dataset.name} too, got others; use --protocol cluster`,
    );
  }
  const shared = {
    embedder: pretrainer,
    trainFrames: train.frames,
    frames: test.frames,
    classes: classes.length,
    ignore,
    seed,
  };
  return protocol === "kmeans" ? await kmeansProtocol(shared) : await linearProbe(shared);
}
