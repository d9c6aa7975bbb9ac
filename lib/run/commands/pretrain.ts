/**
 * `pretrain`: every stage that is missing, then the contrastive one, then evaluation and report.
 *
 * @module
 */

import process from "node:process";
import { join } from "@std/path";
import type { Split } from "../../data/dataset.ts";
import { ConfigError } from "../../errors.ts";
import type { Device } from "../../engine/device.ts";
import type { MixSource } from "../../mix/paste.ts";
import type { StateDict } from "../../nn/parameters.ts";
import { countParameters } from "../../pretrain/encoder.ts";
import { gibibytes, memoryAdvice, memoryLine, memoryPlan } from "../../pretrain/memory_plan.ts";
import type { Pretrainer } from "../../pretrain/pretrainer.ts";
import type { Frame } from "../../records.ts";
import { addPurity, emptyPurity, regionPurity } from "../../regions/quality.ts";
import { classColours } from "../../report/palette.ts";
import { writeJson } from "../storage/atomic.ts";
import { requireBackbone } from "../storage/backbone_file.ts";
import {
  depthOfRun,
  givenDepth,
  predictDepth,
  type PredictedFrames,
  scoreDepth,
  trainDepth,
} from "../depth_stage.ts";
import { evaluateRun, type Evaluation, segment, unlabelledGroups } from "../evaluate_stage.ts";
import {
  hasLabels,
  heldOutFrames,
  type Input,
  loadDataset,
  type LoadedDataset,
  openInputs,
  SCENES,
  scenesOf,
} from "../inputs.ts";
import {
  outputNames,
  requireWritable,
  type Segmentation,
  writePredictions,
} from "../predictions.ts";
import type { Preset } from "../presets.ts";
import { mixSources } from "../mix_sources.ts";
import { trainFeatures } from "../pretrain_stage.ts";
import { depthFields, evaluationFields, type PretrainResult, resultTable } from "../result.ts";
import { freeFolder, prepareRun, requireDepthRun, type RunConfig } from "../storage/run_folder.ts";
import { writeReport } from "../run_report.ts";
import type { Session } from "../session.ts";
import { resolveRun, type RunOptions } from "../run_options.ts";
import { answer, answerStopped, type CommonOptions, inSession, startDevice } from "./common.ts";

/** Options of `pretrain`. */
export interface PretrainOptions extends CommonOptions, Omit<RunOptions, "seed"> {
  readonly resume: boolean;
  /** Where what is predicted for every frame is written. */
  readonly predictions?: string;
}

/** Test frames whose segmentation the report shows. */
const SHOWN = 6;

/** Runs the command. */
export async function pretrain(options: PretrainOptions): Promise<void> {
  const config = await resolveRun("pretrain", options);
  const { preset, seed, settings, data } = config;
  const name = `${data.map(shortName).join("+")}-${preset}-${settings.mix.paste}-seed${seed}`;
  const folder = options.out ?? (options.resume ? join("runs", name) : await freeFolder(name));
  const result = await inSession(
    folder,
    options,
    (session) => runPretrain(session, config, options),
  );
  if (result) answer(options, result, resultTable(result));
}

function shortName(path: string): string {
  return path.split(/[\\/]/).filter((part) => part && part !== "..").slice(-2).join("-");
}

async function runPretrain(
  session: Session,
  config: RunConfig,
  options: PretrainOptions,
): Promise<PretrainResult | undefined> {
  const started = performance.now();
  const { settings } = config;
  const inputs = await openInputs(config.data, config, session.folder);
  if (options.predictions) await requireWritable(options.predictions);
  if (config.depthRun) await requireDepthRun(config.depthRun, settings);
  const device = await startDevice(session, options);
  if (config.backboneWeights && !options.resume) {
    await requireBackbone(config.backboneWeights, settings.pretrain);
  }
  using _folder = await prepareRun(session.folder, config, options.resume);
  session.progress.say(`${session.folder}: ${device.name} (${device.detail})`);
  sayMemory(session, settings, device);
  sayFrames(session, settings, inputs);
  const loaded: LoadedDataset[] = [];
  for (const input of inputs) loaded.push(await input.load(session));
  requirePrototypes(loaded, settings);
  const depth = await predictedDepth(session, config, loaded.flatMap((input) => input.frames));
  if (!depth) return answerStopped(session, options);
  const { frames, maps, encoder } = depth;
  const sources = mixSources(
    frames,
    maps,
    settings.regions,
    settings.mix,
    session.progress.of("regions"),
  );
  const { pretrainer, completed } = await trainFeatures(session, config, sources, encoder);
  if (completed < settings.pretrain.steps) return answerStopped(session, options);

  const { split, test } = await scoredFrames(session, config, loaded);
  const evaluation = test && await evaluateRun(config, pretrainer, frames, test, session.progress);
  const metrics = await session.log.read();
  const result: PretrainResult = {
    run: session.folder,
    device: device.detail,
    steps: completed,
    seconds: (performance.now() - started) / 1000,
    loss: Number(metrics.findLast((line) => line.stage === "pretrain")?.loss),
    ...(evaluation ? { split, ...evaluationFields(evaluation, test.dataset.classes) } : {}),
    depth: { ...depthFields(scoreDepth(maps, frames)), regionPurity: purityOf(sources, loaded) },
  };
  const segmentations = evaluation &&
    await segment(pretrainer, test.frames.slice(0, SHOWN), evaluation.trained.classOfPrototype);
  await writeReport({
    folder: session.folder,
    config,
    pretrainer,
    result,
    metrics,
    trainFrames: frames,
    sources,
    test,
    segmentations,
  });
  await writeJson(join(session.folder, "result.json"), result);
  session.progress.say(`report: ${join(session.folder, "report.html")}`);
  if (options.predictions) {
    const sheet = await writePredictions(options.predictions, {
      frames,
      names: outputNames(loaded),
      maps,
      regions: sources.map(({ regions }) => regions),
      segmentation: await segmentationOf(pretrainer, frames, evaluation, test),
    }, session.progress);
    session.progress.say(`predictions: ${sheet}`);
  }
  pretrainer.dispose();
  return result;
}

/** @throws {ConfigError} when groups of prototypes cannot stand for all classes. */
function requirePrototypes(loaded: readonly LoadedDataset[], { pretrain }: Preset): void {
  const most = Math.max(...loaded.map(({ dataset }) => dataset.classes.length));
  if (most <= pretrain.prototypes) return;
  throw new ConfigError(
    `Cannot score ${most} classes: expected at most as many as prototypes, got ${pretrain.prototypes} prototypes; ` +
      "set settings.pretrain.prototypes with --config",
  );
}

/** By the classes of the evaluation, else in groups without names. */
async function segmentationOf(
  pretrainer: Pretrainer,
  frames: readonly Frame[],
  evaluation?: Evaluation,
  test?: LoadedDataset,
): Promise<Segmentation> {
  const classes = test?.dataset.classes ?? [];
  const { groupOf, colours } = evaluation
    ? { groupOf: evaluation.trained.classOfPrototype, colours: classColours(classes) }
    : await unlabelledGroups(pretrainer, frames);
  return { classes, colours, assign: (frames) => segment(pretrainer, frames, groupOf) };
}

/** Tells what a step will take, and what to do where the machine has less. */
function sayMemory(session: Session, { height, width, mix, pretrain }: Preset, device: Device) {
  const batch = { count: 2 * mix.sources, height, width };
  const parameters = countParameters(pretrain);
  session.progress.say(memoryLine(memoryPlan(pretrain, batch, parameters), pretrain, batch));
  // A GPU does not tell how much it has free.
  if (device.name === "webgpu") return;
  const advice = memoryAdvice(pretrain, batch, parameters, freeMemory());
  if (advice) session.warn(advice);
}

/** Bytes that a pixel of a frame takes: colours, disparity and region here and in the mixing worker, and truth. */
const FRAME_BYTES = 24;

/** Warns where the frames of a run, which all stay in memory, are more than the machine has room for. */
function sayFrames(session: Session, { height, width }: Preset, inputs: readonly Input[]): void {
  const count = inputs.reduce((sum, input) => sum + (input.count ?? 0), 0);
  const needed = FRAME_BYTES * height * width * count, free = freeMemory();
  if (needed <= free) return;
  session.warn(
    `${count} frames of ${height} x ${width} take about ${gibibytes(needed)} of memory, ${
      gibibytes(free)
    } are free; ` +
      "leave frames out, or take a smaller --preset",
  );
}

/** Bytes that this process can still take: of the system's, or of what a container allows it. */
function freeMemory(): number {
  // The system does not tell everyone.
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  if (state !== "granted") return Infinity;
  // Windows tells of memory that is free alone, and that none is available.
  const { available, free } = Deno.systemMemoryInfo();
  // Deno does not tell before 2.7.
  const allowed = process.constrainedMemory?.() || Infinity;
  return Math.min(available || free, allowed - Deno.memoryUsage().rss);
}

/** What the depth stage hands on. */
interface PredictedDepth extends PredictedFrames {
  /** The depth network's ResNet, where there is one. */
  readonly encoder?: StateDict;
}

/** By another run's network, from the dataset, or by the run's own network; undefined when interrupted. */
async function predictedDepth(
  session: Session,
  config: RunConfig,
  assumed: readonly Frame[],
): Promise<PredictedDepth | undefined> {
  const given = config.depthRun ? undefined : givenDepth(assumed);
  if (given) {
    session.progress.say("depth: the dataset's own disparity/, no network is trained");
    return { frames: assumed, maps: given };
  }
  const { trainer, completed } = config.depthRun
    ? { trainer: await depthOfRun(config.depthRun, session.warn), completed: true }
    : await trainDepth(session, config, assumed);
  try {
    if (!completed) return undefined;
    const predicted = await predictDepth(session, trainer, assumed);
    return { ...predicted, encoder: await trainer.encoder() };
  } finally {
    trainer.dispose();
  }
}

/**
 * What is scored: test streets of the embedded scenes, else labelled frames of the first data that has some, those of
 * another split where it has splits.
 */
async function scoredFrames(
  { progress }: Session,
  { data, settings }: RunConfig,
  loaded: readonly LoadedDataset[],
): Promise<{ split?: Split; test?: LoadedDataset }> {
  if (data.includes(SCENES)) {
    const test = await loadDataset(scenesOf(settings, "test"), settings, progress);
    return { split: "test", test };
  }
  for (const [i, test] of loaded.entries()) {
    const heldOut = await heldOutFrames(data[i], settings, test.frames, progress);
    if (heldOut) return { split: heldOut.split, test: heldOut.data };
    if (hasLabels(test)) return { split: "train", test };
  }
  return {};
}

function purityOf(
  sources: readonly MixSource[],
  loaded: readonly LoadedDataset[],
): number | undefined {
  let at = 0;
  for (const { dataset, frames } of loaded) {
    if (dataset.classes.length > 0 && frames[0].labels) {
      const counts = emptyPurity(dataset.classes.length);
      frames.forEach((frame, i) =>
        addPurity(counts, sources[at + i].regions, frame.labels!, dataset.ignore)
      );
      return regionPurity(counts).overall;
    }
    at += frames.length;
  }
  return undefined;
}
