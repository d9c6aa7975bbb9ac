/**
 * The runs of a folder, side by side.
 *
 * @module
 */

import { basename, join, resolve } from "@std/path";
import { isFile, isFolder, listFolder } from "../../data/listing.ts";
import { CpcdrError, DataError } from "../../errors.ts";
import { newestStep } from "./checkpoint.ts";
import type { PretrainResult } from "../result.ts";
import { depthFolder, differences, readRun, type RunConfig, settingAt } from "./run_folder.ts";

/** What is told of a run; scores are fractions 0..1, and absent where there are none. */
export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  /** When it was last written to, ISO 8601. */
  readonly date: string;
  readonly command: RunConfig["command"];
  readonly preset: string;
  readonly seed: number;
  readonly data: readonly string[];
  /** Steps that are done, of how many, of the stage that the run is for. */
  readonly steps: number;
  readonly stepsAsked: number;
  readonly finished: boolean;
  readonly miou?: number;
  readonly randomInitMiou?: number;
  readonly colourKmeansMiou?: number;
  readonly seconds?: number;
  readonly config: RunConfig;
}

/** A setting in which runs differ, by its name in config.json, with its value in each run. */
export interface Difference {
  readonly setting: string;
  readonly values: readonly unknown[];
}

/**
 * The runs in a folder of runs, or the one that the folder itself is; oldest first. Runs that cannot
 * be read are passed over with a word to `warn`.
 *
 * @throws {DataError} when there is no such folder or no run in it.
 */
export async function listRuns(
  folder: string,
  warn: (line: string) => void,
): Promise<RunSummary[]> {
  if (!await isFolder(folder)) {
    throw new DataError(
      `Cannot list the runs of ${folder}: expected a folder, got none; name one that holds runs`,
    );
  }
  const isRun = (path: string) => isFile(join(path, "config.json"));
  const candidates = await isRun(folder)
    ? [folder]
    : (await listFolder(folder)).folders.map((name) => join(folder, name));
  const runs: RunSummary[] = [];
  for (const path of candidates) {
    if (!await isRun(path)) continue;
    try {
      runs.push(await summary(path));
    } catch (error) {
      if (!(error instanceof CpcdrError) || candidates.length === 1) throw error;
      warn(error.message);
    }
  }
  if (runs.length === 0) {
    throw new DataError(
      `Cannot list the runs of ${folder}: expected folders with a config.json, got none; name a folder that ` +
        "pretrain or depth wrote to",
    );
  }
  return runs.sort((a, b) => a.date < b.date ? -1 : a.date > b.date ? 1 : 0);
}

/** The settings in which the runs differ; data, preset and seed stand in the table already. */
export function compareRuns(runs: readonly RunSummary[]): Difference[] {
  const names = new Set(runs.flatMap(({ config }) => differences(runs[0].config, config)));
  const shown = ["command", "preset", "seed", "data"];
  return [...names].filter((name) => !shown.includes(name)).map((setting) => ({
    setting,
    values: runs.map(({ config }) => settingAt(config, setting)),
  }));
}

async function summary(folder: string): Promise<RunSummary> {
  const config = await readRun(folder);
  const { command, preset, seed, data, settings } = config;
  const result = await readResult(folder);
  const stage = command === "depth" ? depthFolder(folder) : folder;
  const files = ["result.json", "metrics.jsonl", "config.json"].map((name) => join(folder, name));
  const times = await Promise.all(files.map((path) => Deno.stat(path).catch(() => undefined)));
  const figure = (key: "miou" | "randomInitMiou" | "colourKmeansMiou" | "seconds") =>
    Number.isFinite(result?.[key]) ? result?.[key] : undefined;
  return {
    name: basename(resolve(folder)),
    folder,
    date: (times.find((info) => info?.mtime)?.mtime ?? new Date(0)).toISOString(),
    command,
    preset,
    seed,
    data,
    steps: await newestStep(stage),
    stepsAsked: (command === "depth" ? settings.depth : settings.pretrain).steps,
    finished: result !== undefined,
    miou: figure("miou"),
    randomInitMiou: figure("randomInitMiou"),
    colourKmeansMiou: figure("colourKmeansMiou"),
    seconds: figure("seconds"),
    config,
  };
}

/** What a finished run answered; undefined for one that is not finished. */
async function readResult(folder: string): Promise<Partial<PretrainResult> | undefined> {
  const path = join(folder, "result.json");
  if (!await isFile(path)) return undefined;
  try {
    const result = JSON.parse(await Deno.readTextFile(path));
    if (typeof result === "object" && result !== null) return result;
  } catch { /* falls through to the one error */ }
  throw new DataError(
    `Cannot read ${path}: expected a result, got something else; remove the file`,
  );
}
