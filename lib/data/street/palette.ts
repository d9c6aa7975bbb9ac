/**
 * Colours of things. They overlap between classes on purpose: grey is road, car, facade, pavement, pole
 * and sky; brown is brick, bark, autumn leaves and coats; green is leaves, grass, cars and facades.
 *
 * @module
 */

import type { Random } from "../../random.ts";

/** Red, green, blue, 0..1. */
export type Colour = [number, number, number];

/** A nearly grey colour of brightness low..high. */
export function grey(random: Random, low: number, high: number, tint = 0.03): Colour {
  const level = random.uniform(low, high);
  return [0, 1, 2].map(() => clamp(level + random.uniform(-tint, tint))) as Colour;
}

const FACADES: readonly Colour[] = [
  [0.56, 0.36, 0.28],
  [0.74, 0.68, 0.56],
  [0.46, 0.50, 0.42],
  [0.70, 0.52, 0.42],
  [0.42, 0.46, 0.54],
  [0.80, 0.79, 0.76],
  [0.62, 0.44, 0.34],
  [0.36, 0.44, 0.34],
];
const CARS: readonly Colour[] = [
  [0.60, 0.12, 0.10],
  [0.12, 0.20, 0.48],
  [0.20, 0.34, 0.24],
  [0.58, 0.50, 0.34],
  [0.44, 0.30, 0.22],
  [0.70, 0.62, 0.20],
];
const LEAVES: readonly Colour[] = [
  [0.24, 0.38, 0.16],
  [0.34, 0.42, 0.20],
  [0.19, 0.30, 0.19],
  [0.50, 0.38, 0.17],
  [0.46, 0.29, 0.18],
  [0.36, 0.36, 0.30],
];
const CLOTHES: readonly Colour[] = [
  [0.16, 0.18, 0.24],
  [0.42, 0.38, 0.34],
  [0.56, 0.18, 0.16],
  [0.18, 0.28, 0.46],
  [0.24, 0.34, 0.22],
  [0.70, 0.66, 0.58],
  [0.36, 0.26, 0.20],
];
const SIGNS: readonly Colour[] = [
  [0.72, 0.14, 0.14],
  [0.14, 0.26, 0.66],
  [0.88, 0.88, 0.86],
  [0.84, 0.72, 0.18],
  [0.20, 0.42, 0.26],
];

/** A facade: half of them grey or a tint from the list. */
export function facadeColour(random: Random): Colour {
  return scaled(random.chance(0.4) ? grey(random, 0.3, 0.78) : random.pick(FACADES), random);
}

/** A car's paint: most cars are black, grey or white. */
export function carColour(random: Random): Colour {
  if (random.chance(0.6)) {
    return grey(
      random,
      ...random.pick([[0.06, 0.2], [0.3, 0.6], [0.7, 0.92]]) as [number, number],
      0.015,
    );
  }
  return scaled(random.pick(CARS), random);
}

/** Leaves, green or autumnal or bare grey. */
export function leafColour(random: Random): Colour {
  return scaled(random.pick(LEAVES), random);
}

/** Coats and trousers. */
export function clothColour(random: Random): Colour {
  return scaled(random.pick(CLOTHES), random);
}

/** Two different sign colours. */
export function signColours(random: Random): [Colour, Colour] {
  const [first, second] = random.shuffle([...SIGNS]);
  return [first, second];
}

function scaled(colour: Colour, random: Random): Colour {
  const factor = random.uniform(0.75, 1.2);
  return colour.map((value) => clamp(value * factor + random.uniform(-0.04, 0.04))) as Colour;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
