/**
 * Draws a street at random.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import { Builder } from "./builder.ts";
import { type Colour, grey } from "./palette.ts";
import { addBuildings, addFurniture, addTrees } from "./scenery.ts";
import type { Solid } from "./solid.ts";
import type { CameraPath, Side, Street } from "./street.ts";
import { addCars, addPedestrians } from "./traffic.ts";
import { drawWeather } from "./weather.ts";

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
