/**
 * IoU of each class, best first: a figure of the result.
 *
 * @module
 */

import type { ReportScores } from "../data.ts";
import { barPlot } from "../plots.ts";

/** Bars in the classes' colours. */
export function classesFigure(scores: ReportScores): string {
  const bars = scores.classes
    .map(({ name, colour }, id) => ({ name, colour, percent: 100 * scores.perClass[id] }))
    .sort((a, b) => (b.percent || -1) - (a.percent || -1));
  const label = `IoU in percent: ${
    bars.map(({ name, percent }) =>
      Number.isNaN(percent) ? `${name} occurs nowhere` : `${name} ${percent.toFixed(1)}`
    ).join(", ")
  }`;
  return `<figure class="plot"><h3>IoU per class, percent</h3>${barPlot(bars, label)}</figure>`;
}
