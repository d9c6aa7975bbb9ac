/**
 * What stands still: buildings, trees and hedges, lamps, poles and signs.
 *
 * @module
 */

import type { Builder } from "./builder.ts";
import type { Random } from "../../random.ts";
import { facadeColour, grey, leafColour, signColours } from "./palette.ts";
import type { Material } from "./solid.ts";
import { ClassId, STREET_LENGTH } from "./street.ts";

const SIDES = [-1, 1] as const;

/** Rows of houses on both sides, with gaps, and now and then one across the end of the street. */
export function addBuildings(builder: Builder): void {
  const { random, street } = builder;
  for (const side of SIDES) {
    const open = random.chance(0.15);
    let at = random.uniform(-12, 0);
    while (at < STREET_LENGTH - 10) {
      const half = random.uniform(3.5, 9);
      const middle = at + half;
      at += 2 * half + (random.chance(0.3) ? random.uniform(1, 9) : 0);
      if (builder.inJunction(middle, half + 2) || random.chance(open ? 0.75 : 0.08)) continue;
      addHouse(
        builder,
        middle,
        side,
        half,
        builder.facadeOffset(side) + random.uniform(0, open ? 14 : 1),
      );
    }
  }
  if (random.chance(0.45)) {
    const at = random.uniform(60, STREET_LENGTH);
    const height = random.uniform(4, 11);
    const instance = builder.nextInstance();
    builder.add(at, random.uniform(-6, 6), 0, {
      shape: "box",
      across: random.uniform(12, 40),
      up: height,
      along: 4,
      classId: ClassId.building,
      instance,
      material: facade(random),
    }, -street.curvature * at);
  }
}

function addHouse(builder: Builder, at: number, side: -1 | 1, half: number, front: number): void {
  const { random, street } = builder;
  const up = random.uniform(1.6, 7.5);
  const depth = random.uniform(4, 8);
  const instance = builder.nextInstance();
  const d = side * (front + depth);
  const shared = { shape: "box", classId: ClassId.building, instance } as const;
  builder.add(at, d, street.kerb, {
    ...shared,
    across: depth,
    up,
    along: half,
    material: facade(random),
  });
  if (random.chance(0.6)) {
    const roof = random.uniform(0.8, 2);
    const material: Material = {
      kind: "roof",
      colour: random.chance(0.5) ? [0.42, 0.24, 0.18] : grey(random, 0.2, 0.45),
      second: [0, 0, 0],
      seed: random.bits(),
      sizes: [0.4, 0.3, 0],
    };
    builder.add(at, d, street.kerb + 2 * up, {
      ...shared,
      across: depth + 0.4,
      up: roof,
      along: half,
      leanAcross: 0.95,
      material,
    });
  }
  if (random.chance(0.35)) {
    // A garden wall or a fence in front of the house counts as building.
    builder.add(at, side * (front - 0.3), street.kerb, {
      ...shared,
      across: 0.12,
      up: random.uniform(0.35, 0.8),
      along: half,
      material: { ...facade(random), kind: "plain" },
    });
  }
}

function facade(random: Random): Material {
  return {
    kind: "facade",
    colour: facadeColour(random),
    second: random.chance(0.6) ? grey(random, 0.08, 0.3) : grey(random, 0.35, 0.7),
    seed: random.bits(),
    sizes: [random.uniform(1.3, 3), random.uniform(2.5, 3.6), random.uniform(0.25, 0.7)],
  };
}

/** Street trees, trees behind, hedges and bushes. */
export function addTrees(builder: Builder): void {
  const { random, street } = builder;
  const leafy = random.uniform(0.3, 1);
  const count = Math.round(leafy * (3 + random.integer(14)));
  for (let i = 0; i < count; i++) {
    const side = random.pick(SIDES);
    const at = random.uniform(5, 75);
    if (builder.inJunction(at, 1)) continue;
    const near = random.chance(0.6);
    const reach = near
      ? random.uniform(0.6, 1.6)
      : builder.facadeOffset(side) - street.halfWidth + random.uniform(-1, 3);
    addTree(builder, at, side * (street.halfWidth + reach));
  }
  for (let i = random.integer(4); i > 0; i--) addHedge(builder);
}

function addTree(builder: Builder, at: number, d: number): void {
  const { random, street } = builder;
  const trunk = random.uniform(1.6, 3.4), crown = random.uniform(0.9, 2.5);
  const instance = builder.nextInstance();
  const shared = { classId: ClassId.vegetation, instance } as const;
  const brown = random.uniform(0.6, 1.2);
  builder.add(at, d, street.kerb, {
    ...shared,
    shape: "cylinder",
    across: 0.08 + 0.06 * crown,
    up: (trunk + crown * 0.5) / 2,
    along: 0.2,
    material: {
      kind: "bark",
      colour: [0.36 * brown, 0.28 * brown, 0.21 * brown],
      second: [0, 0, 0],
      seed: random.bits(),
      sizes: [0.1, 0.4, 0],
    },
  });
  const material = leaves(random);
  for (let k = 2 + random.integer(3); k > 0; k--) {
    const spread = crown * 0.5;
    const up = crown * random.uniform(0.6, 0.95);
    builder.add(
      at + random.normal(0, spread),
      d + random.normal(0, spread),
      street.kerb + trunk + random.uniform(-0.1, 0.5) * crown,
      {
        ...shared,
        shape: "ellipsoid",
        across: crown * random.uniform(0.6, 1),
        up,
        along: crown * random.uniform(0.6, 1),
        cut: "ragged",
        material,
      },
    );
  }
}

function addHedge(builder: Builder): void {
  const { random, street } = builder;
  const side = random.pick(SIDES);
  const at = random.uniform(6, 45);
  const long = random.chance(0.5);
  const half = long ? random.uniform(2, 6) : random.uniform(0.6, 1.2);
  if (builder.inJunction(at, half)) return;
  builder.add(at, side * (builder.facadeOffset(side) - random.uniform(0.3, 1)), street.kerb, {
    shape: long ? "box" : "ellipsoid",
    across: random.uniform(0.4, 0.9),
    up: random.uniform(0.35, 0.8),
    along: half,
    leanAcross: long ? 0.15 : 0,
    cut: long ? "none" : "ragged",
    classId: ClassId.vegetation,
    instance: builder.nextInstance(),
    material: leaves(random),
  });
}

function leaves(random: Random): Material {
  return {
    kind: "leaves",
    colour: leafColour(random),
    second: [0, 0, 0],
    seed: random.bits(),
    sizes: [0.5, 0.15, 0],
  };
}

/** Lamp posts, poles, and signs of three shapes. */
export function addFurniture(builder: Builder): void {
  const { random, street } = builder;
  for (let i = 4 + random.integer(8); i > 0; i--) {
    const side = random.pick(SIDES);
    const at = random.uniform(5, 48), d = side * (street.halfWidth + random.uniform(0.25, 0.9));
    if (builder.inJunction(at, -1)) continue;
    const height = random.chance(0.35) ? random.uniform(4.5, 8) : random.uniform(2.2, 3.6);
    builder.add(at, d, street.kerb, {
      shape: "cylinder",
      across: random.uniform(0.05, 0.13),
      up: height / 2,
      along: 0.1,
      classId: ClassId.pole,
      instance: builder.nextInstance(),
      material: {
        kind: "metal",
        colour: random.chance(0.7) ? grey(random, 0.2, 0.65) : [0.3, 0.36, 0.28],
        second: [0, 0, 0],
        seed: random.bits(),
        sizes: [0, 0, 0],
      },
    });
    if (random.chance(height > 4 ? 0.35 : 0.85)) {
      addSign(builder, at - 0.12, d, Math.min(height, 3.4));
    }
  }
}

function addSign(builder: Builder, at: number, d: number, top: number): void {
  const { random, street } = builder;
  const half = random.uniform(0.28, 0.55);
  const [colour, second] = signColours(random);
  builder.add(at, d, street.kerb + top - 2 * half, {
    shape: "box",
    across: half * (random.chance(0.3) ? random.uniform(1, 1.6) : 1),
    up: half,
    along: 0.03,
    cut: random.pick(["none", "round", "round", "triangle"]),
    classId: ClassId.sign,
    instance: builder.nextInstance(),
    material: { kind: "sign", colour, second, seed: random.bits(), sizes: [half, half, 0] },
  }, random.uniform(-0.2, 0.2));
}
