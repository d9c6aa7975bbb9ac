/**
 * The ground: road, kerb, pavement and grass, as a ray meets it.
 *
 * @module
 */

import { distanceAlong, offsetOf } from "./road.ts";
import { ClassId, type Street } from "./street.ts";

/** Where a ray meets the ground. */
export interface GroundHit {
  t: number;
  classId: number;
  /** Place in the world. */
  x: number;
  z: number;
  /** Metres to the right of the road's middle. */
  d: number;
  /** False on the kerb's face. */
  level: boolean;
}

/** What lies at (x, z), which is `d` metres to the right of the road's middle. */
function groundClass(street: Street, x: number, z: number, d: number): number {
  const beyond = Math.abs(d) - street.halfWidth;
  if (beyond <= 0) return ClassId.road;
  if (street.junctions.length > 0) {
    const s = distanceAlong(street.curvature, x, z);
    for (const junction of street.junctions) {
      if (Math.abs(s - junction.at) < junction.half) return ClassId.road;
    }
  }
  const { pavement, grass, verge } = street.sides[d < 0 ? -1 : 1];
  if (grass === 0) return ClassId.pavement;
  if (verge) return beyond < grass ? ClassId.grass : ClassId.pavement;
  return beyond < pavement ? ClassId.pavement : ClassId.grass;
}

/** The first meeting of the ray o + t d (dy > 0 goes down) with the ground. False above the horizon. */
export function hitGround(
  street: Street,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  hit: GroundHit,
): boolean {
  if (dy <= 1e-6) return false;
  const raised = (-street.kerb - oy) / dy;
  hit.level = true;
  if (place(street, ox + raised * dx, oz + raised * dz, hit) !== ClassId.road) {
    hit.t = raised;
    return true;
  }
  const flat = -oy / dy;
  if (place(street, ox + flat * dx, oz + flat * dz, hit) === ClassId.road) {
    hit.t = flat;
    return true;
  }
  // The ray passed over the road's edge below the pavement: it meets the kerb's face in between.
  let near = raised, far = flat;
  for (let i = 0; i < 5; i++) {
    const middle = (near + far) / 2;
    if (place(street, ox + middle * dx, oz + middle * dz, hit) === ClassId.road) near = middle;
    else far = middle;
  }
  place(street, ox + far * dx, oz + far * dz, hit);
  hit.t = far;
  hit.classId = ClassId.pavement;
  hit.level = false;
  return true;
}

function place(street: Street, x: number, z: number, hit: GroundHit): number {
  hit.x = x;
  hit.z = z;
  hit.d = offsetOf(street.curvature, x, z);
  return hit.classId = groundClass(street, x, z, hit.d);
}
