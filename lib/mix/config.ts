/**
 * Settings of the mixing stage; the paper's values (Zeng et al., BMVC 2022) with sizes as shares of the
 * image height, which the paper gives in pixels of 384 x 768.
 *
 * @module
 */

import type { RegionSource } from "../regions/region_source.ts";

/** What is pasted across images: regions of some kind, boxes of the sizes of regions at random places, nothing. */
export type PasteShape = RegionSource | "boxes" | "none";

/** Torchvision's ColorJitter with its probability, then blur and grey with theirs. */
export interface ColourConfig {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
  readonly jitterChance: number;
  readonly blurChance: number;
  /** Bounds of the blur's deviation in pixels. */
  readonly blurSigma: readonly [number, number];
  readonly greyChance: number;
}

/** See the module's comment. */
export interface MixConfig {
  readonly paste: PasteShape;
  /** Whose labels the region loss compares; they may be others than what is pasted. */
  readonly lossRegions: RegionSource;
  /** M, images that are mixed together; 2 M mixed images come out. */
  readonly sources: number;
  /** How often each region is pasted in the first and in the second round. */
  readonly pastes: readonly [number, number];
  /** A pasted pixel wins only where it is nearer. */
  readonly depthTest: boolean;
  /** Regions move along the ground, so that size, height in the image and disparity agree. */
  readonly groundDistance: boolean;
  /** Bounds of the scale. */
  readonly minScale: number;
  readonly maxScale: number;
  /** Regions lower or narrower than this, or both sides below `minSide`, are not pasted; of the height. */
  readonly minHeight: number;
  readonly minWidth: number;
  readonly minSide: number;
  /** A region that covers this share of both axes is nearly the whole image and is not pasted. */
  readonly wholeImage: number;
  /** The foot moves up or down by at most this share of the height. */
  readonly shake: number;
  /** Probability of a mirrored paste, and of a mirrored mixed image. */
  readonly flipChance: number;
  readonly pasteColour: ColourConfig;
  readonly viewColour: ColourConfig;
  /** A mixed image is enlarged by up to this and cropped back. */
  readonly maxZoom: number;
}

const colour: ColourConfig = {
  brightness: 0.5,
  contrast: 0.5,
  saturation: 0.5,
  hue: 0.2,
  jitterChance: 0.8,
  blurChance: 0.2,
  blurSigma: [0.1, 2],
  greyChance: 0.1,
};

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
  viewColour: colour,
  maxZoom: 2,
};

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
  pasteColour: { ...colour, hue: 0.1, blurChance: 0 },
  viewColour: { ...colour, hue: 0.1, blurSigma: [0.1, 0.7] },
};
