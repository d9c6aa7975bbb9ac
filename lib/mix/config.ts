/**
 * Settings of the mixing stage; the paper's values (Zeng et al., BMVC 2022) with sizes as shares of the
 * image height, which the paper gives in pixels of 384 x 768.
 *
 * @module
 */

import { SettingChecks } from "../checks.ts";
import { REGION_SOURCES, type RegionSource } from "../regions/config.ts";

/** What can be pasted, see {@linkcode PasteShape}. */
export const PASTE_SHAPES = [...REGION_SOURCES, "boxes", "none"] as const;

/** What is pasted across images: regions of some kind, boxes of the sizes of regions at random places, nothing. */
export type PasteShape = typeof PASTE_SHAPES[number];

/** Torchvision's ColorJitter with its probability, then grey with its own. */
export interface ColourConfig {
  /** Brightness is multiplied by 1 +- this at most. */
  readonly brightness: number;
  /** Contrast is multiplied by 1 +- this at most. */
  readonly contrast: number;
  /** Saturation is multiplied by 1 +- this at most. */
  readonly saturation: number;
  /** Largest turn of the hue, as a fraction of a full circle. */
  readonly hue: number;
  /** Probability of these four, in random order. */
  readonly jitterChance: number;
  /** Probability of a picture without colour. */
  readonly greyChance: number;
}

/** Colours, and a Gaussian blur after them. */
export interface BlurredColourConfig extends ColourConfig {
  /** Probability of a Gaussian blur. */
  readonly blurChance: number;
  /** Bounds of the blur's deviation in pixels. */
  readonly blurSigma: readonly [number, number];
}

/** See the module's comment. */
export interface MixConfig {
  /**
   * What is pasted; `none` mixes nothing. `regions`: the `shapes` of sources, or where they have none their `regions`,
   * whatever those are; `boxes` have their sizes. Anything else is not cut here: it asks for sources whose `shapes` (or
   * `regions`, where there are no shapes) are cut so, as `regionsBy()` of that name cuts them.
   */
  readonly paste: PasteShape;
  /**
   * Whose labels the region loss compares; they may be others than what is pasted. `regions`: those of sources, whatever
   * they are; anything else asks for sources whose `regions` are of `regionsBy()` of that name.
   */
  readonly lossRegions: RegionSource;
  /** M, images that are mixed together; 2 M mixed images come out. */
  readonly sources: number;
  /** How often each region is pasted in the first and in the second round. */
  readonly pastes: readonly [number, number];
  /** A pasted pixel wins only where it is nearer. */
  readonly depthTest: boolean;
  /** Regions move along the ground, so that size, height in the image and disparity agree. */
  readonly groundDistance: boolean;
  /** Least scale of a paste. */
  readonly minScale: number;
  /** Largest scale of a paste. */
  readonly maxScale: number;
  /** Regions lower than this are not pasted; of the image's height. */
  readonly minHeight: number;
  /** Regions narrower than this are not pasted; of the image's height. */
  readonly minWidth: number;
  /** Regions of which both sides are below this are not pasted; of the image's height. */
  readonly minSide: number;
  /** A region that covers this share of both axes is nearly the whole image and is not pasted. */
  readonly wholeImage: number;
  /** The foot moves up or down by at most this share of the height. */
  readonly shake: number;
  /** Probability of a mirrored paste, and of a mirrored mixed image. */
  readonly flipChance: number;
  /** Colours of each paste. */
  readonly pasteColour: ColourConfig;
  /** Colours of each mixed image. */
  readonly viewColour: BlurredColourConfig;
  /** A mixed image is enlarged by up to this and cropped back. */
  readonly maxZoom: number;
}

/** What decides which of two pixels is seen. */
export type PasteRules = Pick<MixConfig, "depthTest" | "groundDistance">;

const colour: ColourConfig = {
  brightness: 0.5,
  contrast: 0.5,
  saturation: 0.5,
  hue: 0.2,
  jitterChance: 0.8,
  greyChance: 0.1,
};

/** The paper blurs pastes, too. */
const blur = { blurChance: 0.2, blurSigma: [0.1, 2] } as const;

/** The paper's. */
export const paperMixConfig: MixConfig = {
  paste: "regions",
  lossRegions: "regions",
  sources: 8,
  pastes: [2, 4],
  depthTest: true,
  groundDistance: true,
  minScale: 0.2,
  maxScale: 2,
  minHeight: 16 / 384,
  minWidth: 6 / 384,
  minSide: 32 / 384,
  wholeImage: 0.97,
  shake: 16 / 384,
  flipChance: 0.5,
  pasteColour: colour,
  viewColour: { ...colour, ...blur },
  maxZoom: 2,
};

/** For 192 x 384: fewer sources and pastes. */
export const smallMixConfig: MixConfig = { ...paperMixConfig, sources: 6, pastes: [1, 2] };

/** For 64 x 128: fewer sources and pastes, gentler zoom and hue. */
export const tinyMixConfig: MixConfig = {
  ...paperMixConfig,
  sources: 6,
  pastes: [1, 2],
  minHeight: 4 / 64,
  minWidth: 2 / 64,
  minSide: 8 / 64,
  shake: 3 / 64,
  maxZoom: 1.6,
  pasteColour: { ...colour, hue: 0.1 },
  viewColour: { ...colour, hue: 0.1, ...blur, blurSigma: [0.1, 0.7] },
};

/**
 * Refuses settings that the mixing stage cannot work with.
 *
 * @throws {ConfigError} when one is out of its range.
 */
export function checkMixConfig(config: MixConfig): void {
  const checks = new SettingChecks("mixing");
  checks.oneOf("paste", config.paste, PASTE_SHAPES);
  checks.oneOf("lossRegions", config.lossRegions, REGION_SOURCES);
  checks.whole("sources", config.sources, 1);
  const isPair = Array.isArray(config.pastes) && config.pastes.length === 2;
  checks.require("pastes", config.pastes, isPair, "two whole numbers");
  for (const times of config.pastes) checks.whole("pastes", times, 0);
  for (const name of ["depthTest", "groundDistance"] as const) {
    checks.oneOf(name, config[name], [true, false]);
  }
  checks.positive("minScale", config.minScale);
  checks.within("maxScale", config.maxScale, config.minScale);
  for (const name of ["minHeight", "minWidth", "minSide", "wholeImage", "shake"] as const) {
    checks.within(name, config[name], 0);
  }
  checks.within("flipChance", config.flipChance, 0, 1);
  checkColours(checks, "pasteColour", config.pasteColour);
  checkColours(checks, "viewColour", config.viewColour);
  const { blurChance, blurSigma: [least, most] } = config.viewColour;
  checks.within("viewColour.blurChance", blurChance, 0, 1);
  checks.within("viewColour.blurSigma", least, 0, most);
  checks.within("viewColour.blurSigma", most, least, Number.MAX_VALUE);
  checks.within("maxZoom", config.maxZoom, 1, Number.MAX_VALUE);
}

function checkColours(checks: SettingChecks, stage: string, colours: ColourConfig): void {
  for (const name of ["brightness", "contrast", "saturation"] as const) {
    checks.within(`${stage}.${name}`, colours[name], 0, Number.MAX_VALUE);
  }
  for (const name of ["hue", "jitterChance", "greyChance"] as const) {
    checks.within(`${stage}.${name}`, colours[name], 0, 1);
  }
}
