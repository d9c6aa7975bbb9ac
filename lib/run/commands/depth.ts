/**
 * `depth`: trains the depth and pose networks and writes disparity pictures.
 *
 * @module
 */

import { join } from "@std/path";
import { writeMap16, writePicture } from "../../data/write.ts";
import { useDevice } from "../../engine/device.ts";
import type { DepthMap, Frame } from "../../records.ts";
import { disparityPicture, framePicture, sideBySide } from "../../report/pictures.ts";
import { predictDepth, scoreDepth, trainDepth } from "../depth_stage.ts";
import { loadDataset, openInput, SCENES } from "../inputs.ts";
import type { PresetName } from "../presets.ts";
import { freeFolder, prepareRun, type RunConfig, withSteps } from "../run_folder.ts";
import type { Session } from "../session.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";

/** Options of `depth`. */
export interface DepthOptions extends CommonOptions {
  readonly data?: readonly string[];
  readonly preset: PresetName;
  readonly steps?: number;
  readonly resume: boolean;
}

/** Pictures of frame and disparity that are written to `pictures/`. */
const PICTURES = 12;

/** Runs the command. */
export async function depth(options: DepthOptions): Promise<void> {
  const config: RunConfig = {
    command: "depth",
    preset: options.preset,
    seed: options.seed,
    data: options.data ?? [SCENES],
    settings: withSteps(options.preset, undefined, options.steps),
  };
  const name = `depth-${options.preset}-seed${options.seed}`;
  const folder = options.out ?? (options.resume ? join("runs", name) : await freeFolder(name));
  await inSession(folder, options, (session) => runDepth(session, config, options));
}

async function runDepth(session: Session, config: RunConfig, options: DepthOptions): Promise<void> {
  const started = performance.now();
  const { settings } = config;
  const opened = await Promise.all(config.data.map((path) => openInput(path, settings)));
  const device = await useDevice(options.device, { warn: session.warn });
  await prepareRun(session.folder, config, options.resume);
  const frames: Frame[] = [];
  for (const dataset of opened) {
    frames.push(...(await loadDataset(dataset, settings, session.progress)).frames);
  }
  const { trainer, completed } = await trainDepth(session, config, frames);
  if (!completed) {
    return session.progress.say(`stopped and saved; go on with: --resume --out ${session.folder}`);
  }
  const maps = await predictDepth(session, trainer, frames);
  trainer.dispose();
  await writeMaps(session.folder, frames, maps);
  const scores = scoreDepth(maps, frames);
  const lines = (await session.log.read()).filter((line) => line.stage === "depth");
  const result = {
    run: session.folder,
    device: device.detail,
    steps: settings.depth.steps,
    seconds: (performance.now() - started) / 1000,
    firstLoss: Number(lines[0]?.loss),
    loss: Number(lines[lines.length - 1]?.loss),
    ...(scores ? { ...scores.score, constantAbsRel: scores.constant.absRel } : {}),
  };
  const rows = Object.entries(result).map((
    [key, value],
  ) => [key, typeof value === "number" ? value.toFixed(4) : value]);
  answer(options, result, textTable(["what", "value"], rows));
}

async function writeMaps(
  folder: string,
  frames: readonly Frame[],
  maps: readonly DepthMap[],
): Promise<void> {
  const stride = Math.max(1, Math.floor(frames.length / PICTURES));
  for (const [i, map] of maps.entries()) {
    const { height, width, disparity } = map;
    const largest = disparity.reduce((most, value) => Math.max(most, value), 0);
    const units = Uint16Array.from(disparity, (value) => Math.round(65535 * value / largest));
    await writeMap16(join(folder, "disparity", `${frames[i].name}.png`), units, height, width);
    if (i % stride !== 0) continue;
    const picture = sideBySide([framePicture(frames[i]), disparityPicture(map)]);
    await writePicture(
      join(folder, "pictures", `${frames[i].name}.png`),
      picture.rgb,
      picture.height,
      picture.width,
    );
  }
}
