/**
 * Settings of the regions stage.
 *
 * @module
 */

import { SettingChecks } from "../checks.ts";
import type { SuperpixelConfig } from "./superpixels.ts";

/** How pixels can become regions, see depth_regions.ts. */
export const GROUPINGS = ["components", "infomap"] as const;

/** How pixels become regions, see depth_regions.ts. */
export type Grouping = typeof GROUPINGS[number];

/** How a frame can be cut, see {@linkcode RegionSource}. */
export const REGION_SOURCES = ["regions", ...GROUPINGS, "slic", "masks"] as const;

/**
 * `regions`: those that came with the frame, else as the settings of the regions stage say; `components` and
 * `infomap`: from depth by that grouping; `slic`: superpixels merged by colour, without depth; `masks`: true instances.
 */
export type RegionSource = typeof REGION_SOURCES[number];

/** Settings of grouping `infomap`; it has no use for the others but the areas and jump of small regions. */
export interface InfomapConfig {
  /** Superpixels of a frame of 384 x 768, about; smaller frames have fewer of the same size. */
  readonly superpixels: number;
  /** See {@linkcode SuperpixelConfig}. */
  readonly compactness: number;
  /** Times that centres of superpixels move. */
  readonly iterations: number;
  /** Communities with a link of less distance (0..1) than this are grouped again. */
  readonly apart: number;
}

/** Settings of regions by colour alone, see colour_regions.ts. */
export interface ColourRegionConfig {
  /** Superpixels of a frame of 384 x 768, about; smaller frames have fewer of the same size. */
  readonly superpixels: number;
  /** See {@linkcode SuperpixelConfig}. */
  readonly compactness: number;
  /** Times that centres of superpixels move. */
  readonly iterations: number;
  /** How many regions are left of a frame. */
  readonly regions: number;
}

/** See {@linkcode defaultRegionConfig} for values; lengths are in camera heights above the ground. */
export interface RegionConfig {
  /** How pixels become regions. */
  readonly grouping: Grouping;
  /** Neighbours of one thing differ by at most this share of their depth. */
  readonly maxJump: number;
  /** Where surfaces differ in orientation by more than this cosine, depth must agree four times better. */
  readonly minCosine: number;
  /** Surfaces that meet in a hollow sharper than this cosine are two things that touch. */
  readonly creaseCosine: number;
  /** What stands higher above the fitted ground is no ground. */
  readonly groundHeight: number;
  /** The least upward share of a ground normal. */
  readonly groundUpright: number;
  /** Neighbours on the ground differ in height by at most this: a kerb is higher. */
  readonly kerb: number;
  /** Farther than this is sky. */
  readonly skyDepth: number;
  /** Regions of less than this share of the image merge into the neighbour that is nearest in 3-D. */
  readonly minArea: number;
  /**
   * A small region stays, thin as a far pole or person, where depth jumps by this share on all its
   * sides, towards what is nearer or towards what is farther; null merges all that are small.
   */
  readonly keepJump: number | null;
  /** Regions of less than this share of the image do not stay by their jump either. */
  readonly keepArea: number;
  /** Planes that the fit of the ground tries. */
  readonly groundTrials: number;
  /**
   * Gives each superpixel of the frame its median depth first: predicted depth fades from one thing
   * to the next, and this brings its edges to the image's. null for depth that is sharp.
   */
  readonly superpixels: SuperpixelConfig | null;
  /** Settings of grouping `infomap`, which alone reads them. */
  readonly infomap: InfomapConfig;
  /** Settings of regions by colour alone, which alone read them. */
  readonly colour: ColourRegionConfig;
}

/** The paper's (Zeng et al., BMVC 2022). */
const paperInfomap: InfomapConfig = {
  superpixels: 10_000,
  compactness: 10,
  iterations: 10,
  apart: 0.2,
};

/** Chosen on validation scenes of the embedded streets. */
export const defaultRegionConfig: RegionConfig = {
  grouping: "components",
  maxJump: 0.06,
  minCosine: 0.75,
  creaseCosine: 0.98,
  groundHeight: 0.2,
  groundUpright: 0.8,
  kerb: 0.02,
  skyDepth: 120,
  minArea: 0.001,
  keepJump: 0.05,
  keepArea: 0.00035,
  groundTrials: 200,
  superpixels: null,
  infomap: paperInfomap,
  // As many as depth gives, so that neither has larger pieces to paste.
  colour: { superpixels: 10_000, compactness: 10, iterations: 10, regions: 50 },
};

/**
 * For depth that a small network predicts at 64 x 128. Chosen on validation scenes too: cut along
 * superpixels, small regions are mostly parts of one, and keeping them finds no more things.
 */
export const tinyRegionConfig: RegionConfig = {
  ...defaultRegionConfig,
  minArea: 0.004,
  keepJump: null,
  superpixels: { count: 230, compactness: 10, iterations: 5 },
  colour: { ...defaultRegionConfig.colour, regions: 80 },
};

/**
 * For depth that a network predicts at 192 x 384 and more. It fades over so many pixels that no step between two of
 * them is a jump; few, large superpixels have jumps between them. Chosen on validation scenes for preset `small`.
 */
export const predictedRegionConfig: RegionConfig = {
  ...tinyRegionConfig,
  maxJump: 0.025,
  minArea: 0.002,
  superpixels: { count: 60, compactness: 10, iterations: 5 },
};

/**
 * Refuses settings that the regions stage cannot work with.
 *
 * @throws {ConfigError} when one is out of its range.
 */
export function checkRegionConfig(config: RegionConfig): void {
  const checks = new SettingChecks("region");
  checks.oneOf("grouping", config.grouping, GROUPINGS);
  for (const name of ["maxJump", "kerb", "skyDepth"] as const) checks.within(name, config[name], 0);
  for (const name of ["minCosine", "creaseCosine", "groundUpright"] as const) {
    checks.within(name, config[name], -1, 1);
  }
  checks.within("groundHeight", config.groundHeight, 0, HIGHEST_GROUND);
  checks.within("minArea", config.minArea, 0, 1);
  checks.within("keepArea", config.keepArea, 0, 1);
  if (config.keepJump !== null) checks.within("keepJump", config.keepJump, 0);
  checks.whole("groundTrials", config.groundTrials, 0);
  const { superpixels, infomap, colour } = config;
  if (superpixels) checkSuperpixels(checks, "superpixels", superpixels);
  checkSuperpixels(checks, "infomap", { ...infomap, count: infomap.superpixels });
  checks.within("infomap.apart", infomap.apart, 0);
  checkSuperpixels(checks, "colour", { ...colour, count: colour.superpixels });
  checks.whole("colour.regions", colour.regions, 1);
}

/** The library sums heights in 64 bits, which hold those of ground up to so many camera heights. */
const HIGHEST_GROUND = 8;

function checkSuperpixels(
  checks: SettingChecks,
  part: string,
  { count, compactness, iterations }: SuperpixelConfig,
): void {
  checks.positive(part === "superpixels" ? "superpixels.count" : `${part}.superpixels`, count);
  checks.within(`${part}.compactness`, compactness, 0, Number.MAX_VALUE);
  checks.whole(`${part}.iterations`, iterations, 0);
}
