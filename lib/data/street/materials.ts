/**
 * The colour of a surface before light. Textures are in metres and fade where a pixel covers them.
 *
 * @module
 */

import { grain, hash } from "./noise.ts";
import type { Hit, Solid } from "./solid.ts";
import type { Street } from "./street.ts";

/** Where a colour is written: red, green, blue, about 0..1. */
export type Target = Float64Array;

function set(target: Target, colour: readonly number[], factor: number): void {
  target[0] = colour[0] * factor;
  target[1] = colour[1] * factor;
  target[2] = colour[2] * factor;
}

/** The place in a period, 0..1. */
function phase(value: number, period: number): number {
  const share = value / period;
  return share - Math.floor(share);
}

/** Asphalt with patches, cracks, tracks and painted lines; (s, d) is the place along the road. */
export function paintRoad(
  target: Target,
  street: Street,
  s: number,
  d: number,
  footprint: number,
): void {
  const { seed, halfWidth, lines, lineWidth, weather } = street;
  for (const line of lines) {
    const width = Math.max(lineWidth, footprint * 0.35);
    if (Math.abs(d - line.offset) > width) continue;
    if (line.dashed && phase(s, 8) > 0.5) continue;
    const worn = 0.85 + 0.5 * grain(s, d, 0.3, footprint, seed + 5);
    return set(target, [1, 1, 0.97], (0.55 + 0.3 * lineWidth / width) * worn);
  }
  const patch = grain(s * 0.35, d, 2.2, footprint, seed + 1);
  const stain = grain(s, d, 0.9, footprint, seed + 2);
  const stone = grain(s, d, 0.22, footprint, seed + 3) +
    0.6 * grain(s, d, 0.07, footprint, seed + 4);
  const track = 0.06 * Math.cos(d * 4 * Math.PI / halfWidth);
  const crack = Math.abs(grain(s, d, 1.6, footprint, seed + 6)) < 0.02 ? -0.25 : 0;
  const wet = 1 - 0.35 * weather.wet;
  set(
    target,
    street.roadColour,
    wet * (1 + 0.5 * patch + 0.4 * stain + 0.5 * stone + track + crack),
  );
}

/** Slabs or asphalt. */
export function paintPavement(
  target: Target,
  street: Street,
  s: number,
  d: number,
  footprint: number,
): void {
  const { seed, slab } = street;
  let factor = 1 + 0.35 * grain(s, d, 1.1, footprint, seed + 11) +
    0.4 * grain(s, d, 0.18, footprint, seed + 12);
  if (slab > 0 && footprint < slab) {
    const joint = Math.min(phase(s, slab), phase(d, slab)) < 0.07;
    const tone = hash(Math.floor(s / slab), Math.floor(d / slab), seed + 13) - 0.5;
    factor *= joint ? 0.68 : 1 + 0.25 * tone * Math.min(1, slab / footprint - 1);
  }
  set(target, street.pavementColour, factor * (1 - 0.3 * street.weather.wet));
}

/** Grass and bare earth. */
export function paintGrass(
  target: Target,
  street: Street,
  s: number,
  d: number,
  footprint: number,
): void {
  const { seed } = street;
  const blade = grain(s, d, 0.12, footprint, seed + 21) + grain(s, d, 0.4, footprint, seed + 22);
  const bare = Math.max(0, grain(s, d, 2.5, footprint, seed + 23) - 0.15);
  set(target, street.grassColour, 1 + 0.8 * blade);
  target[0] += 0.3 * bare;
  target[1] += 0.05 * bare;
}

/** The colour of a hit on a solid. */
export function paintSolid(target: Target, solid: Solid, hit: Hit, footprint: number): void {
  const { material } = solid;
  const along = Math.abs(hit.nx * Math.cos(solid.heading) - hit.nz * Math.sin(solid.heading)) > 0.6
    ? hit.along
    : hit.across;
  switch (material.kind) {
    case "facade":
      return paintFacade(target, solid, along, hit, footprint);
    case "roof": {
      const tile = phase(hit.height, material.sizes[1]) < 0.2 && footprint < 0.2 ? 0.8 : 1;
      return set(
        target,
        material.colour,
        tile * (1 + 0.5 * grain(along, hit.height, 0.5, footprint, material.seed)),
      );
    }
    case "leaves": {
      const u = hit.along + 0.6 * hit.across, v = hit.height + 0.4 * hit.across;
      const clump = grain(u, v, 0.55, footprint, material.seed),
        leaf = grain(u, v, 0.16, footprint, material.seed + 1);
      return set(target, material.colour, 0.85 + 0.9 * clump + 0.9 * leaf);
    }
    case "bark":
      return set(
        target,
        material.colour,
        1 + 0.8 * grain(hit.across, hit.height * 0.3, 0.08, footprint, material.seed),
      );
    case "metal":
      return set(
        target,
        material.colour,
        1 + 0.2 * grain(hit.height, 0, 0.8, footprint, material.seed),
      );
    case "sign":
      return paintSign(target, solid, hit);
    case "car":
      return paintCar(target, solid, hit, footprint);
    case "cloth": {
      const fold = grain(hit.across, hit.height, 0.18, footprint, material.seed);
      const stripe = material.sizes[1] > 0 && phase(hit.height, 0.2) < 0.5;
      return set(target, stripe ? material.second : material.colour, 1 + 0.5 * fold);
    }
    default:
      return set(
        target,
        material.colour,
        1 + 0.5 * grain(along, hit.height, 0.3, footprint, material.seed),
      );
  }
}

/** Windows in rows with sills, plaster or bricks, a door and a darker base. */
function paintFacade(
  target: Target,
  solid: Solid,
  along: number,
  hit: Hit,
  footprint: number,
): void {
  const { colour, second, seed, sizes: [column, storey, share] } = solid.material;
  const { height } = hit;
  const u = phase(along, column), v = phase(height - 0.4, storey);
  const onWall = Math.abs(hit.ny) < 0.5;
  const inside = onWall && u > (1 - share) / 2 && u < (1 + share) / 2 && height > 0.4 &&
    height < 2 * solid.up - 0.4;
  if (inside && v > 0.25 && v < 0.8) {
    const window = hash(Math.floor(along / column), Math.floor((height - 0.4) / storey), seed);
    const pane = Math.abs(u - 0.5) < 0.02 && footprint < 0.1 ? 0.5 : 1;
    return set(target, second, pane * (0.6 + 0.8 * window));
  }
  if (inside && v >= 0.18 && v <= 0.25) return set(target, colour, 1.25);
  const brick = (seed & 1) === 1 && footprint < 0.15;
  const course = brick &&
    (phase(height, 0.16) < 0.14 ||
      phase(along + 0.2 * (Math.floor(height / 0.16) & 1), 0.4) < 0.06);
  const plaster = 0.3 * grain(along, height, 1.8, footprint, seed + 1) +
    0.3 * grain(along, height, 0.35, footprint, seed + 2) +
    0.25 * grain(along, height, 0.12, footprint, seed + 3);
  const base = height < 0.6 && (seed & 6) !== 0 ? 0.75 : 1;
  set(target, colour, base * (course ? 0.8 : 1) * (1 + plaster));
}

function paintSign(target: Target, solid: Solid, hit: Hit): void {
  const u = hit.across / solid.across, v = hit.height / solid.up - 1;
  const { colour, second, seed } = solid.material;
  let edge = Math.max(Math.abs(u), Math.abs(v));
  if (solid.cut === "round") edge = Math.hypot(u, v);
  if (solid.cut === "triangle") edge = Math.max(-v, Math.abs(u) * 2 + v) * 0.85;
  if (edge > 0.68) return set(target, colour, 1);
  const mark = seed & 1 ? Math.abs(v) < 0.18 && Math.abs(u) < 0.45 : Math.abs(u - 0.3 * v) < 0.14;
  set(target, mark ? colour : second, mark ? 0.7 : 1);
}

/** Paint, windows, wheels, lights and number plates. */
function paintCar(target: Target, solid: Solid, hit: Hit, footprint: number): void {
  const { colour, second, seed, sizes: [, along, waist] } = solid.material;
  const toEnd = Math.abs(hit.nx * Math.sin(solid.heading) + hit.nz * Math.cos(solid.heading)) > 0.6;
  const up = -hit.ny > 0.75;
  if (waist === 0) {
    const pillar = !toEnd && Math.abs(phase(hit.along + 9, solid.along * 0.8) - 0.5) > 0.44;
    const glass = !up && !pillar && hit.height > 0.06 && hit.height < 2 * solid.up - 0.08;
    return glass
      ? set(target, [0.12, 0.14, 0.16], 1 + 2 * Math.max(0, -hit.ny))
      : set(target, colour, 1);
  }
  if (!toEnd && !up) {
    const wheel = Math.abs(Math.abs(hit.along) - along * 0.62);
    const radius = Math.hypot(wheel, hit.height - 0.12);
    if (radius < 0.34) return set(target, radius < 0.18 ? [0.5, 0.5, 0.52] : [0.05, 0.05, 0.05], 1);
    const seam = Math.abs(hit.along) < 0.02 && footprint < 0.05;
    return set(target, colour, seam ? 0.5 : hit.height < 0.12 ? 0.35 : 1);
  }
  if (toEnd) {
    const side = Math.abs(hit.across) / solid.across;
    if (side > 0.68 && hit.height > 2 * solid.up * 0.5 && hit.height < 2 * solid.up * 0.85) {
      return set(target, second, 1);
    }
    if (side < 0.28 && hit.height > 0.2 && hit.height < 0.34) {
      return set(target, [0.85, 0.85, 0.7], 1);
    }
    if (hit.height < 0.14) return set(target, [0.12, 0.12, 0.12], 1);
  }
  set(target, colour, 1 + 0.08 * grain(hit.along, hit.across, 0.6, footprint, seed));
}

/** The sky in a direction (unit length not needed): a gradient with clouds. */
export function paintSky(target: Target, street: Street, dx: number, dy: number, dz: number): void {
  const { weather, seed } = street;
  const level = Math.hypot(dx, dz);
  const climb = Math.min(1, Math.max(0, -dy / level) * 1.6);
  const scale = 1 / (0.25 + climb);
  const u = Math.atan2(dx, dz) * 3 * scale, v = climb * 6 * scale;
  const cloud = 0.5 + 0.7 * grain(u, v, 1, 0, seed + 31) + 0.4 * grain(u, v, 0.4, 0, seed + 32);
  const cover = Math.min(1, Math.max(0, (cloud + weather.clouds - 0.75) * 3)) * 0.6;
  for (let c = 0; c < 3; c++) {
    const clear = weather.horizon[c] + (weather.zenith[c] - weather.horizon[c]) * climb;
    target[c] = clear + (0.9 * (0.4 + 0.6 * weather.horizon[c]) - clear) * cover;
  }
}
