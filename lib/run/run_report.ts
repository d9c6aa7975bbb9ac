/**
 * Fills a run's report.html from what the run has in memory and in its log.
 *
 * @module
 */

import { join } from "@std/path";
import sharp from "sharp";
import { mixedBatch } from "../mix/batches.ts";
import type { MixSource } from "../mix/paste.ts";
import type { Frame } from "../records.ts";
import { figure, page, preformatted, type Section, table } from "../report/html.ts";
import { classColours } from "../report/palette.ts";
import {
  disparityPicture,
  framePicture,
  labelPicture,
  mixedPicture,
  type Picture,
  regionPicture,
  sideBySide,
} from "../report/pictures.ts";
import { barPlot, curvePlot } from "../report/plots.ts";
import { writeAtomically } from "./atomic.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { MetricsLine } from "./metrics_log.ts";
import type { PretrainResult } from "./result.ts";
import type { RunConfig } from "./run_folder.ts";
import { percent } from "./table.ts";

/** What the report shows. */
export interface ReportInput {
  readonly folder: string;
  readonly config: RunConfig;
  readonly result: PretrainResult;
  readonly metrics: readonly MetricsLine[];
  readonly trainFrames: readonly Frame[];
  readonly sources: readonly MixSource[];
  readonly test?: LoadedDataset;
  /** `[H,W]` predicted classes of the first test frames. */
  readonly segmentations?: readonly Int32Array[];
}

const EXAMPLES = 6;
const MIXED_ROWS = 3;

/** Writes report.html. */
export async function writeReport(input: ReportInput): Promise<void> {
  const sections: Section[] = [
    { title: "Result", html: resultSection(input.result) },
    ...await pictureSections(input),
    ...curveSections(input.metrics),
    { title: "Settings", html: preformatted(JSON.stringify(input.config, null, 2)) },
    { title: "Repeat it", html: preformatted(commandOf(input)) },
  ];
  await writeAtomically(
    join(input.folder, "report.html"),
    page(`cpcdr: ${input.folder}`, sections),
  );
}

function resultSection(result: PretrainResult): string {
  const rows = Object.entries({
    "mIoU of the features": result.miou,
    "mIoU of the same network untrained": result.randomInitMiou,
    "mIoU of k-means on colour and position": result.colourKmeansMiou,
    "pixel accuracy": result.accuracy,
    "region purity": result.depth?.regionPurity,
  }).flatMap(([name, value]) => value === undefined ? [] : [[name, `${percent(value)}%`]]);
  const { absRel, constantAbsRel } = result.depth ?? {};
  if (absRel !== undefined) {
    rows.push([
      "depth abs_rel (a constant has " + constantAbsRel!.toFixed(3) + ")",
      absRel.toFixed(3),
    ]);
  }
  rows.push(["device", result.device], ["steps", String(result.steps)], [
    "seconds",
    result.seconds.toFixed(0),
  ]);
  const bars = Object.entries(result.perClass ?? {}).map(([name, iou]) => ({
    name,
    percent: 100 * (iou || 0),
  }));
  return table(["what", "value"], rows) + (bars.length ? barPlot(bars, "IoU, percent") : "");
}

async function pictureSections(input: ReportInput): Promise<Section[]> {
  const { trainFrames, sources, config } = input;
  const stride = Math.max(1, Math.floor(sources.length / EXAMPLES));
  const prepared = Array.from({ length: Math.min(EXAMPLES, sources.length) }, (_, k) => {
    const i = k * stride;
    return sideBySide([
      framePicture(trainFrames[i]),
      disparityPicture(sources[i].depth),
      regionPicture(sources[i].regions, trainFrames[i]),
    ]);
  });
  const batch = mixedBatch(sources, config.settings.mix, config.seed, 0);
  const perRow = Math.min(4, batch.count);
  const mixed = Array.from(
    { length: Math.min(MIXED_ROWS, Math.floor(batch.count / perRow)) },
    (_, row) =>
      sideBySide(Array.from({ length: perRow }, (_, k) => mixedPicture(batch, row * perRow + k))),
  );
  const sections = [
    {
      title: "Frame, estimated depth, regions",
      html: await figures(prepared, "training frame, disparity, regions"),
    },
    { title: "Mixed images", html: await figures(mixed, "mixed images of the first step") },
  ];
  const segmented = segmentationPictures(input);
  if (segmented.length > 0) {
    const html = await figures(segmented, "test frame, segmentation, labels");
    sections.push({ title: "Segmentation without labels", html });
  }
  return sections;
}

function segmentationPictures({ test, segmentations = [] }: ReportInput): Picture[] {
  if (!test) return [];
  const colours = classColours(test.dataset.classes);
  return segmentations.map((ids, i) => {
    const frame = test.frames[i];
    const { height, width } = frame;
    return sideBySide([
      framePicture(frame),
      labelPicture(ids, height, width, colours),
      labelPicture(frame.labels!, height, width, colours),
    ]);
  });
}

async function figures(pictures: readonly Picture[], caption: string): Promise<string> {
  const made = pictures.map(async ({ rgb, height, width }) => {
    const png = await sharp(rgb, { raw: { height, width, channels: 3 } }).png().toBuffer();
    return figure(png, caption);
  });
  return (await Promise.all(made)).join("\n");
}

function curveSections(metrics: readonly MetricsLine[]): Section[] {
  const curve = (stage: string, names: readonly string[]) =>
    metrics.filter((line) => line.stage === stage).flatMap((line) =>
      names.map((name) => ({ step: line.step, value: Number(line[name]), curve: name }))
    );
  const plots = [
    { title: "Depth training", points: curve("depth", ["photometric"]) },
    {
      title: "Contrastive training",
      points: curve("pretrain", ["loss", "pixelLoss", "regionLoss"]),
    },
    { title: "Prototypes in use", points: curve("pretrain", ["prototypesUsed"]) },
  ];
  return plots.filter(({ points }) => points.length > 0)
    .map(({ title, points }) => ({ title, html: curvePlot(points, title.toLowerCase()) }));
}

function commandOf({ config }: ReportInput): string {
  const { preset, seed, data, settings, depthRun } = config;
  const options = [
    ...data.map((folder) => `--data ${folder}`),
    `--preset ${preset}`,
    `--seed ${seed}`,
    `--steps ${settings.pretrain.steps}`,
    `--paste ${settings.mix.paste}`,
    depthRun ? `--depth-run ${depthRun}` : `--depth-steps ${settings.depth.steps}`,
  ];
  return `deno run -A cli.ts pretrain ${options.join(" ")}`;
}
