/**
 * `depth`: trains the depth and pose networks and writes disparity pictures.
 *
 * @module
 */

import { join } from "@std/path";
import { ConfigError } from "../../errors.ts";
import { writeMap16, writePicture } from "../../data/write.ts";
import type { DepthMap, Frame } from "../../records.ts";
import { depthRegions } from "../../regions/depth_regions.ts";
import { disparityPicture, framePicture, sideBySide } from "../../report/pictures.ts";
import { predictDepth, scoreDepth, trainDepth } from "../depth_stage.ts";
import { intrinsicsFor, type LoadedDataset, openInputs } from "../inputs.ts";
import {
  disparityUnits,
  largestDisparity,
  outputNames,
  requireWritable,
  writePredictions,
} from "../predictions.ts";
import { requireDepthEncoder } from "../storage/backbone_file.ts";
import { freeFolder, prepareRun, type RunConfig } from "../storage/run_folder.ts";
import { writeJson } from "../storage/atomic.ts";
import type { Session } from "../session.ts";
import { textTable } from "../table.ts";
import { resolveRun, type RunOptions } from "../run_options.ts";
import { answer, answerStopped, type CommonOptions, inSession, startDevice } from "./common.ts";

/** Options of `depth`. */
export interface DepthOptions extends CommonOptions, Omit<RunOptions, "seed" | "depthSteps"> {
  readonly resume: boolean;
  /** Where what is predicted for every frame is written, regions too. */
  readonly predictions?: string;
}

/** Pictures of frame and disparity that are written to `pictures/`. */
const PICTURES = 12;

/** Runs the command. */
export async function depth(options: DepthOptions): Promise<void> {
  const { steps: depthSteps, ...others } = options;
  const config = await resolveRun("depth", { ...others, depthSteps });
  if (config.depthRun) {
    throw new ConfigError(
      `Cannot train depth: expected no depthRun in ${options.config}, got ${config.depthRun}; take it out`,
    );
  }
  const name = `depth-${config.preset}-seed${config.seed}`;
  const folder = options.out ?? (options.resume ? join("runs", name) : await freeFolder(name));
  await inSession(folder, options, (session) => runDepth(session, config, options));
}

async function runDepth(session: Session, config: RunConfig, options: DepthOptions): Promise<void> {
  const started = performance.now();
  const { settings } = config;
  const inputs = await openInputs(config.data, config, session.folder);
  if (options.predictions) await requireWritable(options.predictions);
  const device = await startDevice(session, options);
  if (config.backboneWeights && !options.resume) {
    await requireDepthEncoder(config.backboneWeights, settings.depth);
  }
  using _folder = await prepareRun(session.folder, config, options.resume);
  const loaded: LoadedDataset[] = [];
  for (const input of inputs) loaded.push(await input.load(session));
  const assumed = loaded.flatMap((input) => input.frames);
  const { trainer, completed } = await trainDepth(session, config, assumed);
  if (!completed) {
    trainer.dispose();
    return answerStopped(session, options);
  }
  const { frames, maps } = await predictDepth(session, trainer, assumed);
  trainer.dispose();
  const names = outputNames(loaded);
  await writeMaps(session.folder, frames, names, maps);
  if (options.predictions) {
    const regions = maps.map((map, i) =>
      depthRegions(map, intrinsicsFor(frames[i]), settings.regions, frames[i])
    );
    const all = { frames, names, maps, regions };
    const sheet = await writePredictions(options.predictions, all, session.progress);
    session.progress.say(`predictions: ${sheet}`);
  }
  const scores = scoreDepth(maps, frames);
  const lines = (await session.log.read()).filter((line) => line.stage === "depth");
  const result = {
    run: session.folder,
    device: device.detail,
    steps: settings.depth.steps,
    seconds: (performance.now() - started) / 1000,
    firstLoss: Number(lines[0]?.loss),
    loss: Number(lines[lines.length - 1]?.loss),
    ...(settings.depth.learnFocal ? focalLengths(frames[0]) : {}),
    ...(scores ? { ...scores.score, constantAbsRel: scores.constant.absRel } : {}),
  };
  await writeJson(join(session.folder, "result.json"), result);
  const rows = Object.entries(result).map((
    [key, value],
  ) => [key, typeof value === "number" ? value.toFixed(4) : value]);
  answer(options, result, textTable(["what", "value"], rows));
}

/** In image widths and heights. */
function focalLengths(frame: Frame): { fx: number; fy: number } {
  const { fx, fy } = intrinsicsFor(frame);
  return { fx, fy };
}

async function writeMaps(
  folder: string,
  frames: readonly Frame[],
  names: readonly string[],
  maps: readonly DepthMap[],
): Promise<void> {
  const largest = largestDisparity(maps);
  const stride = Math.max(1, Math.ceil(frames.length / PICTURES));
  for (const [i, map] of maps.entries()) {
    const { height, width } = map;
    const units = disparityUnits(map, largest);
    await writeMap16(join(folder, "disparity", `${names[i]}.png`), units, height, width);
    if (i % stride !== 0) continue;
    const picture = sideBySide([framePicture(frames[i]), disparityPicture(map)]);
    await writePicture(
      join(folder, "pictures", `${names[i]}.png`),
      picture.rgb,
      picture.height,
      picture.width,
    );
  }
}
