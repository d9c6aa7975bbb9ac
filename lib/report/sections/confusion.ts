/**
 * What is taken for what: the confusion matrix, each row divided by its labelled pixels.
 *
 * @module
 */

import { escape } from "@std/html";
import type { ReportData } from "../data.ts";
import { note, type Section } from "../html.ts";
import { grouped, percent } from "../words.ts";

/** Where there are labels, and the run is new enough to have kept its matrix. */
export function confusionSection({ scores }: ReportData): Section | undefined {
  if (!scores?.confusion) return undefined;
  const names = scores.classes.map(({ name }) => name);
  const head = names.map((name) =>
    `<th scope="col" class="class"><span>${escape(name)}</span></th>`
  );
  const rows = scores.confusion.map((counts, row) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cells = counts.map((count, column) => cell(names, row, column, count, total));
    const { colour } = scores.classes[row];
    return `<tr><th scope="row">${escape(names[row])} ` +
      `<span class="swatch" style="background: ${escape(colour)}"></span></th>${
        cells.join("")
      }</tr>`;
  });
  const html = note(
    "Rows are the true classes, columns what was predicted, in percent of a row's pixels. Point at a " +
      "cell, or go through them with the arrow keys, for its counts.",
  ) + `<div class="scroll"><table class="confusion">
<caption class="note">Predicted class, percent of the true class</caption>
<thead><tr><th scope="col">true class</th>${head.join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>
<p class="note readout" aria-live="polite"></p>`;
  return { id: "confusion", title: "Confusion matrix", html };
}

function cell(
  names: readonly string[],
  row: number,
  column: number,
  count: number,
  total: number,
): string {
  const share = total > 0 ? count / total : 0;
  const classes = [
    share < 0.005 ? "zero" : "",
    row === column ? "diagonal" : "",
  ].filter((name) => name).join(" ");
  const title =
    `${names[row]} taken for ${names[column]}: ${grouped(count)} of ${grouped(total)} ` +
    `pixels (${total > 0 ? percent(share) : "no such pixel"})`;
  return `<td tabindex="${row + column === 0 ? 0 : -1}" title="${escape(title)}"` +
    `${classes && ` class="${classes}"`} style="--share: ${share.toFixed(3)}">` +
    `${total > 0 ? (100 * share).toFixed(0) : "-"}</td>`;
}
