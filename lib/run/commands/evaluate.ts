/**
 * `evaluate`: scores a run's features on labelled frames.
 *
 * @module
 */

import { CheckpointError, ConfigError, DataError } from "../../errors.ts";
import type { Pretrainer } from "../../pretrain/pretrainer.ts";
import type { Frame } from "../../records.ts";
import { depthRegions } from "../../regions/depth_regions.ts";
import { classColours } from "../../report/palette.ts";
import { depthOfRun, givenDepth, predictDepth } from "../depth_stage.ts";
import { segment } from "../evaluate_stage.ts";
import { featuresOfRun } from "../features.ts";
import {
  cameraOf,
  framesFolder,
  hasLabels,
  intrinsicsFor,
  type LoadedDataset,
  openInputs,
  SCENES,
} from "../inputs.ts";
import { outputNames, requireWritable, writePredictions } from "../predictions.ts";
import { readRun, type RunConfig } from "../storage/run_folder.ts";
import type { Session } from "../session.ts";
import { percent } from "../../report/words.ts";
import { textTable } from "../table.ts";
import { answer, inSession, keepAnswer, startDevice } from "./common.ts";
import { evaluateDepth } from "./evaluate_depth.ts";
import type { EvaluateOptions } from "./evaluate_options.ts";
import { scoreBy, type Scored, trainingData } from "./evaluate_scores.ts";

/** Runs the command. */
export async function evaluate(options: EvaluateOptions): Promise<void> {
  requireProtocolOptions(options);
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
  if (protocol === "depth") return await evaluateDepth(options);
  await inSession(options.run, options, async (session) => {
    const config = await readRun(options.run);
    const path = options.data?.[0] ?? config.data[0];
    if (predictions) await requireWritable(predictions);
    const [input] = await openInputs(
      [path],
      { ...cameraOf(config, path), split },
      framesFolder(options.run, config, path),
    );
    const test = await input.load(session);
    requireLabels(path, test);
    const device = await startDevice(session, options);
    const pretrainer = await featuresOfRun(options.run, config, session.warn);
    if (!pretrainer) {
      throw new CheckpointError(
        `Cannot evaluate ${options.run}: it has no checkpoint yet; run pretrain --resume first`,
      );
    }
    const { score, details, classOfPrototype } = await scoreBy(
      options,
      pretrainer,
      await trainingData(config, session, protocol),
      test,
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
      ...details,
    };
    const rows = [
      ["mIoU", percent(score.miou)],
      ["pixel accuracy", percent(score.accuracy)],
      ...classes.map((name, id) => [`  IoU ${name}`, percent(score.perClass[id])]),
      ...detailRows(details),
    ];
    await keepAnswer(options, "evaluation.json", result);
    answer(options, result, textTable([`protocol ${protocol}`, "value"], rows));
  });
}

/** Details that the table has too, what it calls them, and how it writes them. */
const DETAIL_ROWS: readonly (readonly [string, string, (value: number) => string])[] = [
  ["randomInitMiou", "mIoU from random weights", (value) => percent(value)],
  ["randomInitAccuracy", "pixel accuracy from random weights", (value) => percent(value)],
  ["labelledFrames", "frames whose labels were used", String],
  ["scoredFramesTrainedOn", "scored frames among them", String],
  ["steps", "steps", String],
];

function detailRows(details: Scored["details"] = {}): string[][] {
  return DETAIL_ROWS.flatMap(([key, title, write]) =>
    key in details ? [[title, write(details[key])]] : []
  );
}

/** @throws {ConfigError} when an option is given that the protocol has no use for. */
function requireProtocolOptions({ protocol, labelFraction, steps }: EvaluateOptions): void {
  if (protocol === "finetune" || (labelFraction === undefined && steps === undefined)) return;
  const name = labelFraction === undefined ? "--steps" : "--label-fraction";
  throw new ConfigError(
    `Cannot use ${name} with --protocol ${protocol}: expected --protocol finetune; leave it out`,
  );
}

/** @throws {DataError} when there is nothing to score on. */
function requireLabels(path: string, data: LoadedDataset) {
  const { dataset: { classes, ignore }, frames } = data;
  if (classes.length === 0 || !frames[0].labels) {
    throw new DataError(
      `Cannot score on ${path}: expected labels/ and classes in dataset.json, got none; add them`,
    );
  }
  if (hasLabels(data)) return;
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
  const { dataset: { classes } } = test;
  const { frames, maps } = await depthFor(session, config, test.frames);
  const regions = maps.map((map, i) =>
    depthRegions(map, intrinsicsFor(frames[i]), config.settings.regions, frames[i])
  );
  const segmentation = {
    classes,
    colours: classColours(classes),
    assign: (group: readonly Frame[]) => segment(pretrainer, group, classOfPrototype),
  };
  const all = { frames, names: outputNames([test]), maps, regions, segmentation };
  session.progress.say(`predictions: ${await writePredictions(folder, all, session.progress)}`);
}

/** By the run's depth network, or the dataset's own as {@linkcode givenDepth}. */
async function depthFor(session: Session, { depthRun }: RunConfig, frames: readonly Frame[]) {
  const given = depthRun ? undefined : givenDepth(frames);
  if (given) return { frames, maps: given };
  const trainer = await depthOfRun(depthRun ?? session.folder, session.warn);
  try {
    return await predictDepth(session, trainer, frames);
  } finally {
    trainer.dispose();
  }
}
