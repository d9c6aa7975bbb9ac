import { type PretrainConfig, tinyPretrainConfig } from "../../lib/pretrain/config.ts";

/** A network so small that a step takes some milliseconds, for frames of 32 x 64. */
export const smallPretrainConfig: PretrainConfig = {
  ...tinyPretrainConfig,
  enlarge: 1,
  width: 4,
  pyramidChannels: 8,
  projectorChannels: 8,
  embeddingSize: 8,
  prototypes: 20,
  pixelSamples: 60,
  regionSamples: 40,
  pixelWeight: 0.5,
  regionWeight: 0.5,
  warmupSteps: 10,
  steps: 60,
};
