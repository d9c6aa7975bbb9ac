/**
 * The regions, mixing and contrastive stages of a run.
 *
 * @module
 */

import { MixLoader } from "../mix/loader.ts";
import type { MixSource } from "../mix/paste.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { DepthMap, Frame } from "../records.ts";
import type { RegionConfig } from "../regions/config.ts";
import { depthRegions } from "../regions/depth_regions.ts";
import { readBackbone } from "./backbone_file.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { intrinsicsFor } from "./inputs.ts";
import type { RunConfig } from "./run_folder.ts";
import { type Session, trainStage } from "./session.ts";

/** Cuts every frame into regions and makes it ready for mixing. */
export function mixSources(
  session: Session,
  frames: readonly Frame[],
  maps: readonly DepthMap[],
  config: RegionConfig,
): MixSource[] {
  return frames.map((frame, i) => {
    const intrinsics = intrinsicsFor(frame);
    const regions = depthRegions(maps[i], intrinsics, config, frame);
    session.progress.update("regions", i + 1, frames.length);
    const { height, width, rgb } = frame;
    return { height, width, rgb, depth: maps[i], regions, horizon: intrinsics.cy * height - 0.5 };
  });
}

/**
 * Trains the features of a run, from its newest checkpoint where it has one.
 *
 * @param depthEncoder where the backbone begins if the settings say so.
 */
export async function trainFeatures(
  session: Session,
  config: RunConfig,
  sources: readonly MixSource[],
  depthEncoder: StateDict,
): Promise<{ pretrainer: Pretrainer; completed: number }> {
  const { seed, settings } = config;
  const pretrainer = new Pretrainer(settings.pretrain, seed);
  const metadata = pretrainMetadata(config);
  const start = await loadCheckpoint(session.folder, metadata, session.warn);
  if (start) pretrainer.import(start.state);
  else if (settings.pretrain.backbone === "depth") await pretrainer.importBackbone(depthEncoder);
  else if (config.backboneWeights) {
    await pretrainer.importBackbone(await readBackbone(config.backboneWeights));
  }
  const { steps } = settings.pretrain;
  using loader = new MixLoader(sources, settings.mix, seed);
  const completed = await trainStage(session, {
    stage: "pretrain",
    steps,
    completed: start?.step ?? 0,
    saveEvery: settings.saveEvery,
    batches: (step) => loader.batch(step, steps),
    step: (batch, step) => pretrainer.step(batch, step),
    save: async (step) =>
      await saveCheckpoint(session.folder, { step, state: await pretrainer.export() }, metadata),
  });
  return { pretrainer, completed };
}

/** The trained features of a run's newest checkpoint; undefined where it has none yet. */
export async function featuresOfRun(
  folder: string,
  config: RunConfig,
  warn: (line: string) => void,
): Promise<Pretrainer | undefined> {
  const state = await featureStateOfRun(folder, config, warn);
  if (!state) return undefined;
  const pretrainer = new Pretrainer(config.settings.pretrain, config.seed);
  pretrainer.import(state);
  return pretrainer;
}

/** What that checkpoint holds. */
export async function featureStateOfRun(
  folder: string,
  config: RunConfig,
  warn: (line: string) => void,
): Promise<StateDict | undefined> {
  return (await loadCheckpoint(folder, pretrainMetadata(config), warn))?.state;
}

function pretrainMetadata({ preset, settings }: RunConfig): Record<string, string> {
  const { depth, width, embeddingSize, prototypes } = settings.pretrain;
  return {
    stage: "pretrain",
    preset,
    network: `resnet${depth} width ${width}, ${prototypes} prototypes of ${embeddingSize}`,
  };
}
