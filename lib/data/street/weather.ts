/**
 * Light and air of a sequence.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import { type Colour, grey } from "./palette.ts";

/** What the air and the light of a sequence are like. */
export interface Weather {
  /** Unit vector towards the sun; y is down, so it is negative. */
  readonly sun: readonly [number, number, number];
  /** Share of the light that comes from everywhere, 0..1; 1 is overcast. */
  readonly ambient: number;
  /** Light that a sunlit surface gets beside the ambient share. */
  readonly direct: number;
  /** Extinction per metre. */
  readonly fog: number;
  readonly horizon: Colour;
  readonly zenith: Colour;
  /** 0..1 how much of the sky is cloud. */
  readonly clouds: number;
  /** Multiplies red, green, blue at the end: exposure and white balance. */
  readonly exposure: Colour;
  /** 0 dry .. 1 wet: darker ground that mirrors the sky. */
  readonly wet: number;
  /** Standard deviation of the sensor's noise, 0..255. */
  readonly noise: number;
}

/** Draws the weather of a sequence. */
export function drawWeather(random: Random): Weather {
  const overcast = random.chance(0.4);
  const low = random.uniform(0.25, 1.0);
  const azimuth = random.uniform(0, 2 * Math.PI);
  const dusk = random.chance(0.15) ? random.uniform(0.45, 0.7) : 1;
  const horizons: Colour[] = overcast
    ? [grey(random, 0.55, 0.85), [0.68, 0.68, 0.66], [0.60, 0.62, 0.66]]
    : [[0.78, 0.82, 0.86], [0.66, 0.76, 0.88], [0.88, 0.80, 0.70], grey(random, 0.7, 0.9)];
  const zeniths: Colour[] = overcast
    ? [grey(random, 0.5, 0.75), [0.56, 0.58, 0.62]]
    : [[0.30, 0.48, 0.78], [0.42, 0.58, 0.80], [0.36, 0.44, 0.62]];
  const gain = dusk * random.uniform(0.75, 1.12);
  const balance = () => gain * random.uniform(0.92, 1.08);
  return {
    sun: [Math.sin(azimuth) * Math.cos(low), -Math.sin(low), Math.cos(azimuth) * Math.cos(low)],
    ambient: overcast ? random.uniform(0.85, 1) : random.uniform(0.45, 0.65),
    direct: overcast ? random.uniform(0, 0.12) : random.uniform(0.5, 0.75),
    fog: random.chance(0.25) ? random.uniform(0.006, 0.018) : random.uniform(0, 0.004),
    horizon: random.pick(horizons),
    zenith: random.pick(zeniths),
    clouds: overcast ? random.uniform(0.2, 0.5) : random.uniform(0, 0.7),
    exposure: [balance(), balance(), balance()],
    wet: random.chance(0.2) ? random.uniform(0.3, 0.8) : 0,
    noise: random.uniform(1, 3.5),
  };
}
