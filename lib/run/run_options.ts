/**
 * What is asked of a run: options of the command line, over a configuration file, over a preset.
 *
 * @module
 */

import { isVideo } from "../data/video.ts";
import { checkDepthConfig } from "../depth/config.ts";
import { ConfigError } from "../errors.ts";
import { checkMixConfig, type PasteShape } from "../mix/config.ts";
import { checkPretrainConfig, type ObjectiveName } from "../pretrain/config.ts";
import type { Intrinsics } from "../records.ts";
import { checkRegionConfig, type Grouping } from "../regions/config.ts";
import { type ConfigFile, readConfigFile, withFile } from "./config_file.ts";
import { SCENES } from "./inputs.ts";
import type { PresetName } from "./presets.ts";
import type { RunConfig } from "./storage/run_folder.ts";

/** Options that make up a run; those left out are the file's, then the preset's. */
export interface RunOptions {
  /** A file with the shape of a run's config.json. */
  readonly config?: string;
  readonly preset?: PresetName;
  readonly seed?: number;
  readonly data?: readonly string[];
  readonly depthRun?: string;
  /** A file of weights that the backbone begins from. */
  readonly backboneWeights?: string;
  readonly accumulate?: number;
  /** Of all frames; or focal lengths are learnt, from those that the data or the file names. */
  readonly intrinsics?: Intrinsics | "learned";
  readonly fps?: number;
  readonly paste?: PasteShape;
  readonly objective?: ObjectiveName;
  readonly grouping?: Grouping;
  readonly steps?: number;
  readonly depthSteps?: number;
}

/**
 * The configuration of a run.
 *
 * @param command whose config.json a file may be; undefined takes that of any.
 * @throws {ConfigError} when the file cannot be used, a setting is out of its range, or an option
 * would have no effect.
 */
export async function resolveRun(
  command: RunConfig["command"] | undefined,
  options: RunOptions,
): Promise<RunConfig> {
  const path = options.config ?? "";
  const file: ConfigFile = options.config === undefined ? {} : await readConfigFile(path);
  if (command && file.command && file.command !== command) {
    throw new ConfigError(
      `Cannot use ${path} for ${command}: expected a configuration of ${command}, got one of ` +
        `${file.command}; run ${file.command}, or take "command" out of the file`,
    );
  }
  const preset = options.preset ?? file.preset ?? "tiny";
  const settings = withFile(path, preset, file);
  const data = options.data ?? file.data ?? [SCENES];
  const depthRun = options.depthRun ?? file.depthRun;
  const backboneWeights = options.backboneWeights ?? file.backboneWeights;
  const { accumulate } = options;
  const { intrinsics: wanted } = options, learned = wanted === "learned";
  if (learned && depthRun) {
    throw new ConfigError(
      `Cannot learn intrinsics with the depth network of ${depthRun}: that is learnt already; leave one out`,
    );
  }
  if (learned && !command) {
    throw new ConfigError(
      "Cannot learn intrinsics here: no depth network is trained; name fx,fy,cx,cy, or learn them with " +
        "depth --intrinsics learned and name that run with --depth-run",
    );
  }
  const intrinsics = (learned ? undefined : wanted) ?? file.intrinsics;
  const fps = options.fps ?? file.fps;
  const { depth, regions, mix, pretrain } = settings;
  const config: RunConfig = {
    command: command ?? "pretrain",
    preset,
    seed: options.seed ?? file.seed ?? 0,
    data,
    ...(depthRun ? { depthRun } : {}),
    ...(backboneWeights ? { backboneWeights } : {}),
    ...(intrinsics ? { intrinsics } : {}),
    ...(fps ? { fps } : {}),
    settings: {
      ...settings,
      depth: {
        ...depth,
        ...(learned ? { learnFocal: true } : {}),
        steps: options.depthSteps ?? depth.steps,
      },
      regions: { ...regions, grouping: options.grouping ?? regions.grouping },
      mix: { ...mix, paste: options.paste ?? mix.paste },
      pretrain: {
        ...pretrain,
        ...(backboneWeights && command !== "depth" ? { backbone: "file" } : {}),
        ...(accumulate ? { accumulate } : {}),
        ...(options.objective ? { objective: options.objective } : {}),
        steps: options.steps ?? pretrain.steps,
      },
    },
  };
  checkRanges(config, path);
  requireEffect(config);
  return config;
}

/** The stages check their own settings; here it is told where these come from. */
function checkRanges({ settings }: RunConfig, path: string): void {
  try {
    checkDepthConfig(settings.depth);
    checkRegionConfig(settings.regions);
    checkMixConfig(settings.mix);
    checkPretrainConfig(settings.pretrain);
  } catch (error) {
    if (!path || !(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}; correct it in ${path}`);
  }
}

function requireEffect({ data, intrinsics, fps, settings: { mix, pretrain } }: RunConfig): void {
  if (pretrain.objective === "picie" && mix.paste !== "none") {
    throw new ConfigError(
      `Cannot use objective picie with --paste ${mix.paste}: it compares two views of unmixed images; use --paste none`,
    );
  }
  if (fps && !data.some(isVideo)) {
    throw new ConfigError(
      `Cannot use --fps ${fps}: expected a video among the data, got ${data.join(", ")}; ` +
        "leave it out, frames in folders are taken as they are",
    );
  }
  if (intrinsics && data.includes(SCENES)) {
    throw new ConfigError(
      "Cannot use --intrinsics with the embedded scenes: they have their own; leave it out or name other --data",
    );
  }
}
