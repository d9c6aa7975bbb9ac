/**
 * Frames with depth for the commands that look at one stage alone.
 *
 * @module
 */

import { useDevice } from "../../engine/device.ts";
import { ConfigError } from "../../errors.ts";
import type { DepthMap, Frame } from "../../records.ts";
import { defaultRegionConfig, type Grouping, type RegionConfig } from "../../regions/config.ts";
import { depthOfRun, predictDepth } from "../depth_stage.ts";
import { loadDataset, type LoadedDataset, openInput, SCENES } from "../inputs.ts";
import type { Preset } from "../presets.ts";
import { requireDepthRun } from "../run_folder.ts";
import type { Session } from "../session.ts";
import type { CommonOptions } from "./common.ts";

/** Frames, their depth, and how to cut it into regions. */
export interface FramesWithDepth extends LoadedDataset {
  readonly maps: DepthMap[];
  /** The preset's for predicted depth; the defaults for true depth, which is sharp. */
  readonly regions: RegionConfig;
}

/** What the command line says of them. */
export interface SourceOptions extends CommonOptions {
  readonly data?: readonly string[];
  readonly depthRun?: string;
  readonly grouping: Grouping;
}

/**
 * Loads a dataset with depth predicted by a run, or with its own true depth.
 *
 * @throws {ConfigError} when there is neither.
 */
export async function framesWithDepth(
  session: Session,
  options: SourceOptions,
  preset: Preset,
): Promise<FramesWithDepth> {
  const { grouping } = options;
  const [path = SCENES, ...more] = options.data ?? [];
  if (more.length > 0) {
    throw new ConfigError("Cannot use several --data here: expected one; run the command for each");
  }
  if (options.depthRun) await requireDepthRun(options.depthRun, preset);
  const loaded = await loadDataset(
    await openInput(path, preset, "validation"),
    preset,
    session.progress,
  );
  if (!options.depthRun) {
    const maps = loaded.frames.map(trueDepth);
    return { ...loaded, maps, regions: { ...defaultRegionConfig, grouping } };
  }
  await useDevice(options.device, { warn: session.warn });
  const trainer = await depthOfRun(options.depthRun, session.warn);
  const maps = await predictDepth(session, trainer, loaded.frames);
  trainer.dispose();
  return { ...loaded, maps, regions: { ...preset.regions, grouping } };
}

function trueDepth({ name, height, width, depth }: Frame): DepthMap {
  if (!depth) {
    throw new ConfigError(
      `Cannot take depth of ${name} from the dataset: it has none; name a run with --depth-run`,
    );
  }
  return { height, width, disparity: depth.map((metres) => metres > 0 ? 1 / metres : 0) };
}
