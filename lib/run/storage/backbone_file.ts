/**
 * Weights of a ResNet in a file, under torchvision's names.
 *
 * @module
 */

import type { DepthConfig } from "../../depth/config.ts";
import { DepthTrainer } from "../../depth/trainer.ts";
import { CheckpointError, ConfigError } from "../../errors.ts";
import type { StateDict } from "../../nn/parameters.ts";
import type { PretrainConfig } from "../../pretrain/config.ts";
import { Pretrainer } from "../../pretrain/pretrainer.ts";
import { decodeSafetensors } from "./safetensors.ts";

/**
 * Reads a safetensors file of a ResNet.
 *
 * @throws {ConfigError} when there is no such file.
 * @throws {CheckpointError} when it is no whole safetensors file.
 */
export async function readBackbone(path: string): Promise<StateDict> {
  const bytes = await Deno.readFile(path).catch((error) => {
    throw new ConfigError(
      `Cannot read ${path}: expected weights as safetensors, got ${error.message}; check --backbone-weights`,
    );
  });
  return decodeSafetensors(bytes, path).tensors;
}

/**
 * Refuses a file that the features of these settings cannot begin from, before anything has been trained.
 *
 * @throws {CheckpointError} when its network is another one.
 */
export async function requireBackbone(path: string, config: PretrainConfig): Promise<void> {
  const trial = new Pretrainer(config, 0);
  await requireFit(path, config, trial, (weights) => trial.importBackbone(weights));
}

/**
 * Refuses a file that the depth network of these settings cannot begin from, as {@linkcode requireBackbone}.
 *
 * @throws {CheckpointError} when its network is another one.
 */
export async function requireDepthEncoder(path: string, config: DepthConfig): Promise<void> {
  const trial = new DepthTrainer(config, 0);
  await requireFit(path, config, trial, (weights) => trial.importEncoder(weights));
}

async function requireFit(
  path: string,
  config: { readonly depth: number; readonly width: number },
  trial: { dispose(): void },
  load: (weights: StateDict) => void | Promise<void>,
): Promise<void> {
  const weights = await readBackbone(path);
  try {
    await load(weights);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const misfit = error.message.replace("Cannot load ", "").split(";")[0];
    throw new CheckpointError(
      `Cannot begin from ${path}: expected a ResNet-${config.depth} of width ${config.width} under ` +
        `torchvision's names, got another (${misfit}); choose the --preset that it belongs to`,
    );
  } finally {
    trial.dispose();
  }
}
