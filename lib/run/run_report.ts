/**
 * report.html: gathers what a run has made into the report's data.
 *
 * @module
 */

import { join } from "@std/path";
import type { MixSource } from "../mix/paste.ts";
import type { Pretrainer } from "../pretrain/pretrainer.ts";
import type { Frame } from "../records.ts";
import type { ReportData, ReportScores } from "../report/data.ts";
import { classColours, css } from "../report/palette.ts";
import { writeAtomically } from "./storage/atomic.ts";
import { environmentRows, repeatCommand, resumeCommand } from "./environment.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { MetricsLine } from "./storage/metrics_log.ts";
import { groupedSegmentations, labelledSegmentations, stageExamples } from "./report_pictures.ts";
import { type PretrainResult, scoredOn } from "./result.ts";
import type { RunConfig } from "./storage/run_folder.ts";
import type { Session } from "./session.ts";

/** What a finished run shows. */
export interface ReportInput {
  readonly folder: string;
  readonly config: RunConfig;
  readonly pretrainer: Pretrainer;
  readonly result: PretrainResult;
  readonly metrics: readonly MetricsLine[];
  readonly trainFrames: readonly Frame[];
  readonly sources: readonly MixSource[];
  readonly test?: LoadedDataset;
  /** `[H,W]` predicted classes of the first test frames. */
  readonly segmentations?: readonly Int32Array[];
}

/** What an interrupted run has so far. */
export interface StoppedRun {
  readonly stage: "depth" | "pretrain";
  readonly completed: number;
  /** Once the depth stage is done. */
  readonly sources?: readonly MixSource[];
  readonly pretrainer?: Pretrainer;
}

/** Writes the report.html of a finished run. */
export async function writeReport(input: ReportInput): Promise<void> {
  const { folder, config, pretrainer, result, metrics, trainFrames, sources, test } = input;
  // Without labels, what the features part is shown on training frames.
  const pictures = test && input.segmentations
    ? labelledSegmentations(test, input.segmentations)
    : await groupedSegmentations(pretrainer, trainFrames);
  const { score: estimated, constant } = result.depth ?? {};
  const data: ReportData = {
    ...commonData(folder, config, metrics),
    ...pictures,
    status: {
      stage: "pretrain",
      completed: result.steps,
      steps: config.settings.pretrain.steps,
      seconds: result.seconds,
    },
    scores: scoresOf(result, test?.dataset.classes ?? []),
    depth: estimated && constant ? { estimated, constant } : undefined,
    regionPurity: result.depth?.regionPurity,
    stages: stageExamples(sources, trainFrames, config),
    environment: environmentRows(result.device, result.seconds),
  };
  await writePage(folder, data);
}

/** Writes the report.html of an interrupted run; a finished one takes its place later. */
export async function writeStoppedReport(
  session: Session,
  config: RunConfig,
  stopped: StoppedRun,
): Promise<void> {
  const { folder } = session;
  const { stage, completed, sources = [], pretrainer } = stopped;
  const frames = sources.map(({ height, width, rgb }, i): Frame => ({
    name: `frame ${i}`,
    sequence: "",
    height,
    width,
    rgb,
  }));
  const pictures = pretrainer && await groupedSegmentations(pretrainer, frames);
  const data: ReportData = {
    ...commonData(folder, config, await session.log.read()),
    segmentations: [],
    legend: [],
    ...pictures,
    status: {
      stage,
      completed,
      steps: config.settings[stage].steps,
      resume: resumeCommand(folder),
    },
    stages: stageExamples(sources, frames, config),
    environment: environmentRows(undefined),
  };
  await writePage(folder, data);
}

async function writePage(folder: string, data: ReportData): Promise<void> {
  // Its plots bring a document of their own, which takes longer to load than all else together.
  const { report } = await import("../report/report.ts");
  await writeAtomically(join(folder, "report.html"), await report(data));
}

/** What every report has. */
function commonData(folder: string, config: RunConfig, metrics: readonly MetricsLine[]) {
  const { settings, ...others } = config;
  return {
    title: folder,
    metrics,
    prototypes: settings.pretrain.prototypes,
    depthRun: config.depthRun,
    settings: { ...others, ...settings },
    command: repeatCommand(folder),
  };
}

function scoresOf(result: PretrainResult, names: readonly string[]): ReportScores | undefined {
  const { miou, accuracy, randomInitMiou, colourKmeansMiou, perClass, confusion } = result;
  if (miou === undefined) return undefined;
  const colours = classColours(names);
  return {
    scoredOn: scoredOn(result.split),
    miou,
    accuracy: accuracy ?? NaN,
    untrained: randomInitMiou ?? NaN,
    colour: colourKmeansMiou ?? NaN,
    classes: names.map((name, id) => ({ name, colour: css(colours[id]) })),
    perClass: names.map((name) => perClass?.[name] ?? NaN),
    confusion,
  };
}
