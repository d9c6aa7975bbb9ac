/**
 * Frames with depth for the commands that look at one stage alone.
 *
 * @module
 */

import { isVideo } from "../../data/video.ts";
import { ConfigError } from "../../errors.ts";
import type { DepthMap, Frame } from "../../records.ts";
import { defaultRegionConfig, type RegionConfig } from "../../regions/config.ts";
import { depthOfRun, givenDepth, predictDepth } from "../depth_stage.ts";
import { type LoadedDataset, openInputs } from "../inputs.ts";
import { requireDepthRun, type RunConfig } from "../storage/run_folder.ts";
import type { Session } from "../session.ts";
import { type CommonOptions, startDevice } from "./common.ts";

/** Frames, their depth, and how to cut it into regions. */
export interface FramesWithDepth extends LoadedDataset {
  readonly maps: DepthMap[];
  /** Where depth came from: a run's folder, the dataset's "disparity" or its "true" depth. */
  readonly depth: string;
  /** The preset's for estimated depth; the defaults for true depth, which is sharp. */
  readonly regions: RegionConfig;
}

/**
 * Loads a dataset with depth predicted by a run, or with its own: truth (`depth/`), else estimates (`disparity/`).
 *
 * @throws {ConfigError} when there is neither.
 */
export async function framesWithDepth(
  session: Session,
  options: CommonOptions,
  config: RunConfig,
): Promise<FramesWithDepth> {
  const { data, depthRun, settings } = config;
  if (data.length > 1) {
    throw new ConfigError(
      `Cannot use several --data here: expected one, got ${
        data.join(", ")
      }; run the command for each`,
    );
  }
  if (depthRun) await requireDepthRun(depthRun, settings);
  const [input] = await openInputs(data, { ...config, split: "validation" }, session.folder);
  if (!depthRun && isVideo(input.path)) {
    throw new ConfigError(
      `Cannot take depth from the video ${input.path}: it has none; name a run with --depth-run`,
    );
  }
  const loaded = await input.load(session);
  if (!depthRun) {
    const given = givenDepth(loaded.frames);
    if (given && !loaded.frames.every((frame) => frame.depth)) {
      return { ...loaded, maps: given, depth: "disparity", regions: settings.regions };
    }
    const maps = loaded.frames.map(trueDepth);
    return {
      ...loaded,
      maps,
      depth: "true",
      regions: { ...defaultRegionConfig, grouping: settings.regions.grouping },
    };
  }
  await startDevice(session, options);
  const trainer = await depthOfRun(depthRun, session.warn);
  const predicted = await predictDepth(session, trainer, loaded.frames);
  trainer.dispose();
  return { ...loaded, ...predicted, depth: depthRun, regions: settings.regions };
}

function trueDepth({ name, height, width, depth }: Frame): DepthMap {
  if (!depth) {
    throw new ConfigError(
      `Cannot take depth of ${name} from the dataset: expected depth/ or disparity/, got none; name a run with --depth-run`,
    );
  }
  return { height, width, disparity: depth.map((metres) => metres > 0 ? 1 / metres : 0) };
}
