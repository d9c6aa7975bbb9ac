/**
 * IoU of each class, best first.
 *
 * @module
 */

import type { ReportData } from "../data.ts";
import type { Section } from "../html.ts";
import { barPlot } from "../plots.ts";

/** Where there are labels. */
export function classesSection({ scores }: ReportData): Section | undefined {
  if (!scores) return undefined;
  const bars = scores.classes
    .map(({ name, colour }, id) => ({ name, colour, percent: 100 * scores.perClass[id] }))
    .sort((a, b) => (b.percent || -1) - (a.percent || -1));
  const label = `IoU in percent: ${
    bars.map(({ name, percent }) => `${name} ${percent.toFixed(1)}`).join(", ")
  }`;
  const html = `<figure class="plot">${barPlot(bars, label)}
<figcaption>IoU in percent over the whole test set; bars have the classes' colours.</figcaption></figure>`;
  return { id: "classes", title: "IoU per class", html };
}
