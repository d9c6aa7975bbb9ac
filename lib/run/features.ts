/**
 * The trained features that a run's checkpoints hold.
 *
 * @module
 */

import type { StateDict } from "../nn/parameters.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import { loadCheckpoint } from "./storage/checkpoint.ts";
import type { RunConfig } from "./storage/run_folder.ts";

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

/** What a checkpoint of the contrastive stage says of itself. */
export function pretrainMetadata({ preset, settings }: RunConfig): Record<string, string> {
  const { depth, width, embeddingSize, prototypes } = settings.pretrain;
  return {
    stage: "pretrain",
    preset,
    network: `resnet${depth} width ${width}, ${prototypes} prototypes of ${embeddingSize}`,
  };
}
