/**
 * What a street is: its course, its cross-section, its light, and everything that stands or moves in it.
 *
 * @module
 */

import type { Colour } from "./palette.ts";
import type { Solid } from "./solid.ts";
import type { Weather } from "./weather.ts";

/** The classes, by id. */
export const STREET_CLASSES = [
  "road",
  "pavement",
  "grass",
  "building",
  "vegetation",
  "pole",
  "sign",
  "car",
  "person",
  "sky",
] as const;

/** The ids of {@linkcode STREET_CLASSES} by name. */
export const ClassId = {
  road: 0,
  pavement: 1,
  grass: 2,
  building: 3,
  vegetation: 4,
  pole: 5,
  sign: 6,
  car: 7,
  person: 8,
  sky: 9,
} as const;

/** Widths of one side of the street, in metres from its middle outwards. */
export interface Side {
  readonly pavement: number;
  /** 0 where the pavement reaches the buildings. */
  readonly grass: number;
  /** Whether the strip of grass lies between road and pavement. */
  readonly verge: boolean;
}

/** A street and the way through it. */
export interface Street {
  readonly seed: number;
  /** 1/metres, positive turns right. */
  readonly curvature: number;
  readonly halfWidth: number;
  /** Height of the pavement above the road. */
  readonly kerb: number;
  /** Left (-1) and right (+1) of the road. */
  readonly sides: Readonly<Record<-1 | 1, Side>>;
  /** Side streets: position along the road and half width. */
  readonly junctions: readonly { readonly at: number; readonly half: number }[];
  /** Offsets of painted lines and whether they are dashed. */
  readonly lines: readonly { readonly offset: number; readonly dashed: boolean }[];
  readonly lineWidth: number;
  readonly roadColour: Colour;
  readonly pavementColour: Colour;
  readonly grassColour: Colour;
  /** Size of a paving slab in metres; 0 is asphalt. */
  readonly slab: number;
  readonly weather: Weather;
  readonly solids: readonly Solid[];
  readonly camera: CameraPath;
}

/** How the camera moves. */
export interface CameraPath {
  /** Metres above the road. */
  readonly height: number;
  /** Metres right of the road's middle. */
  readonly offset: number;
  readonly start: number;
  /** Metres a second. */
  readonly speed: number;
  /** Radians, constant part; positive looks down and to the right. */
  readonly pitch: number;
  readonly yaw: number;
  /** Focal length in image widths and the principal point in image heights. */
  readonly focal: number;
  readonly centreY: number;
  /** Phases of the small wobble. */
  readonly phases: readonly number[];
}

/** How far a street is built. */
export const STREET_LENGTH = 110;
