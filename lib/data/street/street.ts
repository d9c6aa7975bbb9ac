/**
 * Draws a street: its course, its cross-section, its light, and everything that stands or moves in it.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import { addCars, addPedestrians } from "./traffic.ts";
import { addBuildings, addFurniture, addTrees } from "./scenery.ts";
import { type Colour, grey } from "./palette.ts";
import { type Solid } from "./solid.ts";
import { stationAt } from "./road.ts";
import { drawWeather, type Weather } from "./weather.ts";

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

/** Draws a street from its own stream. `fps` is that of the video, for speeds. */
export function drawStreet(random: Random): Street {
  const curvature = random.chance(0.4)
    ? random.uniform(-0.001, 0.001)
    : random.pick([-1, 1]) * random.uniform(0.003, 0.018);
  const halfWidth = random.uniform(3, 6.5);
  const side = (): Side => ({
    pavement: random.uniform(1.5, 4),
    grass: random.chance(0.55) ? random.uniform(1, 7) : 0,
    verge: random.chance(0.3),
  });
  const junctions = Array.from(
    { length: random.integer(3) },
    () => ({ at: random.uniform(15, 90), half: random.uniform(3, 5) }),
  );
  const street = {
    seed: random.bits(),
    curvature,
    halfWidth,
    kerb: random.uniform(0.1, 0.18),
    sides: { [-1]: side(), [1]: side() } as Record<-1 | 1, Side>,
    junctions,
    lines: drawLines(random, halfWidth),
    lineWidth: random.uniform(0.06, 0.12),
    roadColour: grey(random, 0.24, 0.52),
    pavementColour: grey(random, 0.34, 0.7, 0.05),
    grassColour: [
      random.uniform(0.22, 0.5),
      random.uniform(0.32, 0.46),
      random.uniform(0.14, 0.28),
    ] as Colour,
    slab: random.chance(0.75) ? random.uniform(0.4, 1.2) : 0,
    weather: drawWeather(random),
    camera: drawCamera(random, halfWidth),
  };
  const solids: Solid[] = [];
  const builder = new Builder(street, random, solids);
  addBuildings(builder);
  addTrees(builder);
  addFurniture(builder);
  addCars(builder);
  addPedestrians(builder);
  return { ...street, solids };
}

function drawLines(random: Random, halfWidth: number): { offset: number; dashed: boolean }[] {
  if (random.chance(0.2)) return [];
  const lanes = halfWidth > 5 && random.chance(0.5) ? [-halfWidth / 3, halfWidth / 3] : [0];
  const lines = lanes.map((offset) => ({ offset, dashed: random.chance(0.8) }));
  if (random.chance(0.5)) {
    const edge = halfWidth - 0.3;
    lines.push({ offset: -edge, dashed: false }, { offset: edge, dashed: false });
  }
  return lines;
}

function drawCamera(random: Random, halfWidth: number): CameraPath {
  return {
    height: random.uniform(1.2, 2.1),
    offset: random.uniform(-0.15, 0.6) * halfWidth,
    start: random.uniform(-4, 6),
    speed: random.chance(0.08) ? random.uniform(1, 4) : random.uniform(5, 13),
    pitch: random.uniform(-0.06, 0.07),
    yaw: random.uniform(-0.16, 0.16),
    focal: random.uniform(0.7, 1.0),
    centreY: random.uniform(0.42, 0.56),
    phases: [0, 1, 2].map(() => random.uniform(0, 2 * Math.PI)),
  };
}

/** What the parts that fill a street share: where things go, and their numbering. */
export class Builder {
  #instance = 0;

  constructor(
    readonly street: Omit<Street, "solids">,
    readonly random: Random,
    readonly solids: Solid[],
  ) {}

  /** A fresh instance id. */
  nextInstance(): number {
    return ++this.#instance;
  }

  /** Whether a place along the road lies in a side street, with a margin in metres. */
  inJunction(at: number, margin: number): boolean {
    return this.street.junctions.some((junction) =>
      Math.abs(at - junction.at) < junction.half + margin
    );
  }

  /** Offset of the facades on a side. */
  facadeOffset(side: -1 | 1): number {
    const { pavement, grass } = this.street.sides[side];
    return this.street.halfWidth + pavement + grass;
  }

  /** Adds a solid whose foot stands at (s, d), `foot` metres above the road. */
  add(
    s: number,
    d: number,
    foot: number,
    part:
      & Pick<Solid, "shape" | "across" | "up" | "along" | "classId" | "instance" | "material">
      & Partial<Solid>,
    turn = 0,
  ): void {
    const { x, z, heading } = stationAt(this.street.curvature, s, d);
    this.solids.push({
      leanAcross: 0,
      leanAlong: 0,
      cut: "none",
      velocity: [0, 0],
      ...part,
      x,
      y: -(foot + part.up),
      z,
      heading: heading + turn,
    });
  }
}
