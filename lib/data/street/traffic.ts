/**
 * What moves or may move: cars and pedestrians.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { Builder } from "./builder.ts";
import { carColour, clothColour } from "./palette.ts";
import { stationAt } from "./road.ts";
import type { Material, Solid } from "./solid.ts";
import { ClassId } from "./street.ts";

const SIDES = [-1, 1] as const;

/** Parked, leading, oncoming and following cars; no two of them in one place. */
export function addCars(builder: Builder): void {
  const { random, street } = builder;
  const taken: [number, number][] = [];
  const free = (at: number, d: number) => {
    const clash = taken.some(([s, e]) => Math.abs(at - s) < 5.5 && Math.abs(d - e) < 2.2);
    if (!clash) taken.push([at, d]);
    return !clash;
  };
  const parking = random.uniform(0, 1);
  for (const side of SIDES) {
    if (random.chance(0.25)) continue;
    for (let at = random.uniform(4, 12); at < 60; at += random.uniform(5.5, 9)) {
      if (!random.chance(parking) || builder.inJunction(at, 2)) continue;
      const d = side * (street.halfWidth - 1.05);
      if (clearOfCamera(builder, at, d) && free(at, d)) {
        addCar(builder, at, d, 0, random.chance(0.5));
      }
    }
  }
  for (let i = random.integer(4); i > 0; i--) {
    const oncoming = random.chance(0.55);
    const lane = street.halfWidth * random.uniform(0.2, 0.5) * (oncoming ? -1 : 1);
    const at = random.uniform(oncoming ? 14 : 9, 45);
    if (!free(at, lane)) continue;
    const same = random.chance(0.35) ? street.camera.speed : random.uniform(3, 12);
    addCar(builder, at, lane, oncoming ? -random.uniform(4, 12) : same, oncoming);
  }
}

/** Whether a parked car leaves room for the camera's own way. */
function clearOfCamera(builder: Builder, at: number, d: number): boolean {
  const { camera } = builder.street;
  return Math.abs(d - camera.offset) > 1.9 || at > camera.start + 40;
}

/** A car in parts: body, cabin, and for vans one box. Its wheels and lights are painted. */
function addCar(
  builder: Builder,
  at: number,
  d: number,
  speed: number,
  facesCamera: boolean,
): void {
  const { random, street } = builder;
  const van = random.chance(0.2);
  const across = random.uniform(0.82, 0.95);
  const along = van ? random.uniform(2.2, 2.8) : random.uniform(1.8, 2.3);
  const waist = van ? random.uniform(0.9, 1.05) : random.uniform(0.72, 0.9);
  const roof = van ? random.uniform(1.9, 2.3) : random.uniform(1.35, 1.7);
  const { heading } = stationAt(street.curvature, at, d);
  const instance = builder.nextInstance();
  const material: Material = {
    kind: "car",
    colour: carColour(random),
    // Rear lights or head lights.
    second: facesCamera ? [0.95, 0.92, 0.8] : [0.75, 0.12, 0.08],
    seed: random.bits(),
    sizes: [across, along, waist],
  };
  const shared: Pick<Solid, "shape" | "classId" | "instance" | "velocity"> = {
    shape: "box",
    classId: ClassId.car,
    instance,
    velocity: [speed * Math.sin(heading), speed * Math.cos(heading)],
  };
  const clearance = 0.18;
  builder.add(at, d, clearance, {
    ...shared,
    across,
    up: (waist - clearance) / 2,
    along,
    leanAcross: 0.04,
    leanAlong: 0.05,
    material,
  });
  builder.add(at + (van ? 0.1 : random.uniform(-0.25, 0.1)) * along, d, waist, {
    ...shared,
    across: across * 0.95,
    up: (roof - waist) / 2,
    along: along * (van ? 0.92 : random.uniform(0.6, 0.75)),
    leanAcross: 0.18,
    leanAlong: van ? 0.1 : random.uniform(0.3, 0.5),
    // Above the waist, windows go round; marked by a waist of 0.
    material: { ...material, sizes: [across, along, 0] },
  });
}

/** People on the pavements and some on the road, walking along or across. */
export function addPedestrians(builder: Builder): void {
  const { random, street } = builder;
  for (let i = 3 + random.integer(8); i > 0; i--) {
    const side = random.pick(SIDES);
    const onRoad = random.chance(0.15);
    const at = random.uniform(4.5, 32);
    const d = onRoad
      ? random.uniform(-1, 1) * street.halfWidth
      : side * (street.halfWidth + random.uniform(0.3, street.sides[side].pavement));
    const { heading } = stationAt(street.curvature, at, d);
    const way = onRoad ? heading + Math.PI / 2 : heading + (random.chance(0.5) ? Math.PI : 0);
    const speed = random.chance(0.3) ? 0 : random.uniform(0.8, 1.7);
    addPerson(builder, at, d, onRoad ? 0 : street.kerb, [
      speed * Math.sin(way),
      speed * Math.cos(way),
    ]);
  }
}

function addPerson(
  builder: Builder,
  at: number,
  d: number,
  foot: number,
  velocity: [number, number],
): void {
  const { random } = builder;
  const tall = random.uniform(1.5, 1.95);
  const instance = builder.nextInstance();
  const stride = velocity[0] || velocity[1] ? random.uniform(0.05, 0.2) : 0.02;
  const shared = { classId: ClassId.person, instance, velocity } as const;
  const coat = cloth(random), trousers = cloth(random);
  for (const leg of SIDES) {
    builder.add(at + leg * stride, d + leg * 0.1, foot, {
      ...shared,
      shape: "cylinder",
      across: 0.095,
      up: tall * 0.25,
      along: 0.1,
      material: trousers,
    });
  }
  builder.add(at, d, foot + tall * 0.44, {
    ...shared,
    shape: "ellipsoid",
    across: random.uniform(0.22, 0.3),
    up: tall * 0.215,
    along: 0.18,
    material: coat,
  });
  for (const arm of SIDES) {
    builder.add(at - arm * stride, d + arm * 0.27, foot + tall * 0.44, {
      ...shared,
      shape: "cylinder",
      across: 0.06,
      up: tall * 0.17,
      along: 0.1,
      material: coat,
    });
  }
  const skin = random.uniform(0.45, 1.1);
  builder.add(at, d, foot + tall * 0.85, {
    ...shared,
    shape: "ellipsoid",
    across: 0.11,
    up: tall * 0.075,
    along: 0.12,
    material: {
      kind: "plain",
      colour: [0.74 * skin, 0.57 * skin, 0.46 * skin],
      second: [0, 0, 0],
      seed: random.bits(),
      sizes: [0.1, 0, 0],
    },
  });
}

function cloth(random: Random): Material {
  return {
    kind: "cloth",
    colour: clothColour(random),
    second: clothColour(random),
    seed: random.bits(),
    sizes: [random.uniform(0.1, 0.5), random.chance(0.2) ? 0.5 : 0, 0],
  };
}
