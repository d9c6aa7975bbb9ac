/**
 * What came out, in a few figures, and how it compares with features that were never trained.
 *
 * @module
 */

import { escape } from "@std/html";
import { type ReportData, type ReportScores, type RunStatus, STAGE_NAMES } from "../data.ts";
import { note, preformatted, type Section } from "../html.ts";
import { barPlot } from "../plots.ts";
import { colour } from "../theme.ts";
import { clock, percent } from "../words.ts";
import { classesFigure } from "./classes.ts";

/** A figure of the row of tiles. */
interface Tile {
  readonly name: string;
  readonly value: string;
  readonly remark: string;
}

/** Always there: an interrupted run has at least its status. */
export function resultSection(data: ReportData): Section {
  const { scores, status } = data;
  const parts = [status.resume ? stoppedCallout(status, status.resume) : "", tiles(data)];
  if (scores) {
    parts.push(
      `<div class="grid"><div>${comparison(scores)}</div>\n${classesFigure(scores)}</div>`,
    );
  } else if (!status.resume) {
    parts.push(
      note("The data has no labels, so the features are not scored; see what they part below."),
    );
  }
  return { id: "result", title: "Result", html: parts.join("\n") };
}

function comparison({ miou, untrained, colour: colourMiou, scoredOn }: ReportScores): string {
  const bars = [
    { name: "features of this run", percent: 100 * miou, colour: colour("accent") },
    { name: "same network, untrained", percent: 100 * untrained, colour: colour("pole") },
    { name: "k-means on colour", percent: 100 * colourMiou, colour: colour("pole") },
  ];
  const label = `mIoU in percent: ${
    bars.map(({ name, percent }) => `${name} ${percent.toFixed(1)}`).join(", ")
  }`;
  return `<figure class="plot"><h3>mIoU, percent</h3>${barPlot(bars, label)}</figure>\n` + note(
    `Scored on ${escape(scoredOn)}. ` +
      "Prototypes are grouped into as many groups as there are classes without looking at a label, and groups " +
      "are matched one to one to classes over the whole set. K-means sees colour and position of each pixel.",
  );
}

function stoppedCallout({ stage, completed, steps }: RunStatus, resume: string): string {
  return `<div class="callout"><p>This run was interrupted in its ${
    STAGE_NAMES[stage]
  } stage after ` +
    `${completed} of ${steps} steps. All of them are saved; this goes on from there:</p>\n` +
    `${preformatted(resume)}</div>`;
}

function tiles(data: ReportData): string {
  const html = tilesOf(data).map(({ name, value, remark }, i) =>
    `<div${i === 0 ? ' class="main"' : ""}><dt>${escape(name)}</dt><dd>${escape(value)}</dd>` +
    `${remark && `<dd>${escape(remark)}</dd>`}</div>`
  );
  return `<dl class="tiles">${html.join("")}</dl>`;
}

function tilesOf({ scores, depth, regionPurity, status }: ReportData): Tile[] {
  const tiles: Tile[] = [];
  if (scores) {
    const gain = 100 * (scores.miou - scores.untrained);
    const remark = `${Math.abs(gain).toFixed(1)} ${gain < 0 ? "below" : "above"} untrained`;
    tiles.push({ name: "mIoU", value: percent(scores.miou), remark });
    tiles.push({ name: "Pixel accuracy", value: percent(scores.accuracy), remark: "" });
  }
  if (depth) {
    const { estimated, constant } = depth;
    const remark = `a constant has ${constant.absRel.toFixed(3)}`;
    tiles.push({ name: "Depth abs_rel", value: estimated.absRel.toFixed(3), remark });
  }
  if (regionPurity !== undefined) {
    tiles.push({ name: "Region purity", value: percent(regionPurity), remark: "" });
  }
  const { completed, steps, stage, seconds } = status;
  const remark = `${STAGE_NAMES[stage]}${completed < steps ? `, of ${steps}` : ""}`;
  tiles.push({ name: "Steps", value: String(completed), remark });
  if (seconds !== undefined) {
    tiles.push({
      name: "Time",
      value: clock(seconds),
      remark: seconds < 3600 ? "minutes" : "hours",
    });
  }
  return tiles;
}
