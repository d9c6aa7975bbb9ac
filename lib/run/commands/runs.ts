/**
 * `runs`: lists and compares the runs of a folder.
 *
 * @module
 */

import { compareRuns, listRuns, type RunSummary } from "../storage/run_list.ts";
import { clock, percent } from "../../report/words.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions } from "./common.ts";

/** Options of `runs`. */
export interface RunsOptions extends Pick<CommonOptions, "json" | "quiet"> {
  /** Also tell the settings in which the runs differ. */
  readonly settings: boolean;
}

/** Runs the command. */
export async function runs(folders: readonly string[], options: RunsOptions): Promise<void> {
  const warn = (line: string) => console.error(`warning: ${line}`);
  const found: RunSummary[] = [];
  for (const folder of folders) found.push(...await listRuns(folder, warn));
  const differences = options.settings ? compareRuns(found) : undefined;
  const head = [
    "run",
    "date",
    "preset",
    "seed",
    "data",
    "steps",
    "mIoU",
    "untrained",
    "k-means",
    "time",
  ];
  const text = [textTable(head, found.map(row))];
  if (differences?.length) {
    const rows = differences.map(({ setting, values }) => [
      setting,
      ...values.map((value) => JSON.stringify(value) ?? "-"),
    ]);
    text.push(textTable(["differs in", ...found.map(({ name }) => name)], rows));
  } else if (differences) {
    text.push("The runs differ in no other setting.");
  }
  answer(options, { runs: found, differences }, text.join("\n\n"));
}

function row(run: RunSummary): string[] {
  const { name, date, preset, seed, data, steps, stepsAsked, seconds } = run;
  return [
    name,
    date.slice(0, 16).replace("T", " "),
    preset,
    String(seed),
    data.join(" "),
    run.finished && steps === stepsAsked ? String(steps) : `${steps} of ${stepsAsked}`,
    percent(run.miou),
    percent(run.randomInitMiou),
    percent(run.colourKmeansMiou),
    seconds === undefined ? "-" : clock(seconds),
  ];
}
