/**
 * Presets: sizes and settings of all stages as plain data.
 *
 * @module
 */

import {
  defaultDepthConfig,
  type DepthConfig,
  smallDepthConfig,
  tinyDepthConfig,
} from "../depth/config.ts";
import { type MixConfig, paperMixConfig, smallMixConfig, tinyMixConfig } from "../mix/config.ts";
import {
  paperPretrainConfig,
  type PretrainConfig,
  smallPretrainConfig,
  tinyPretrainConfig,
} from "../pretrain/config.ts";
import { predictedRegionConfig, type RegionConfig, tinyRegionConfig } from "../regions/config.ts";

/** Names of the presets. */
export type PresetName = "tiny" | "small" | "paper";

/** How many embedded scenes a preset draws. */
export interface SceneCounts {
  /** Streets to train on. */
  readonly trainSequences: number;
  /** Frames of each of them. */
  readonly trainFrames: number;
  /** Frames a second: fewer are further apart, which tells more about far things. */
  readonly fps: number;
  /** Streets to choose settings on, of one frame each. */
  readonly validationSequences: number;
  /** Streets to report on, of one frame each. */
  readonly testSequences: number;
}

/** Everything that a run is made of. */
export interface Preset {
  /** H of all frames, pixels. */
  readonly height: number;
  /** W of all frames, pixels. */
  readonly width: number;
  /** The embedded scenes of a run without data. */
  readonly scenes: SceneCounts;
  /** The depth stage. */
  readonly depth: DepthConfig;
  /** The regions stage. */
  readonly regions: RegionConfig;
  /** The mixing stage. */
  readonly mix: MixConfig;
  /** The contrastive stage. */
  readonly pretrain: PretrainConfig;
  /** Steps between checkpoints. */
  readonly saveEvery: number;
}

/** Minutes on two cores. */
const tiny: Preset = {
  height: 64,
  width: 128,
  scenes: {
    trainSequences: 130,
    trainFrames: 3,
    fps: 5,
    validationSequences: 60,
    testSequences: 60,
  },
  depth: tinyDepthConfig,
  regions: tinyRegionConfig,
  mix: tinyMixConfig,
  pretrain: tinyPretrainConfig,
  saveEvery: 100,
};

/** An hour of depth and a few minutes of features on two cores: a quarter of the paper's pixels. */
const small: Preset = {
  height: 192,
  width: 384,
  scenes: {
    trainSequences: 300,
    trainFrames: 3,
    fps: 5,
    validationSequences: 80,
    testSequences: 80,
  },
  depth: smallDepthConfig,
  regions: predictedRegionConfig,
  mix: smallMixConfig,
  pretrain: smallPretrainConfig,
  saveEvery: 200,
};

/** The paper's: ResNet-50 with a Panoptic-FPN at 384 x 768. */
const paper: Preset = {
  height: 384,
  width: 768,
  scenes: {
    trainSequences: 600,
    trainFrames: 5,
    fps: 10,
    validationSequences: 100,
    testSequences: 100,
  },
  depth: defaultDepthConfig,
  regions: predictedRegionConfig,
  mix: paperMixConfig,
  pretrain: paperPretrainConfig,
  saveEvery: 200,
};

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = { tiny, small, paper };
