/**
 * The solids that a street is built of, and where a ray meets them. World axes: x right, y down, z
 * ahead; the ground is y = 0, so that heights are negative.
 *
 * @module
 */

/** A box whose sides may lean inwards, a standing cylinder, or an ellipsoid. */
export type Shape = "box" | "cylinder" | "ellipsoid";

/** What is cut out of a box seen from the front, or of an ellipsoid's edge. */
export type Cut = "none" | "round" | "triangle" | "ragged";

/** One solid; its vertical extent is centre y +- half height. */
export interface Solid {
  readonly shape: Shape;
  x: number;
  readonly y: number;
  z: number;
  /** Half extents: across, vertical, along; a cylinder's radius is `across`. */
  readonly across: number;
  readonly up: number;
  readonly along: number;
  /** Radians to the right of the z axis. */
  readonly heading: number;
  /** Share of a box's width and length that is lost from bottom to top, 0..1. */
  readonly leanAcross: number;
  readonly leanAlong: number;
  readonly cut: Cut;
  readonly classId: number;
  readonly instance: number;
  readonly material: Material;
  /** Metres a second along x and z. */
  readonly velocity: readonly [number, number];
}

/** How a surface looks; see materials.ts. */
export interface Material {
  readonly kind:
    | "plain"
    | "facade"
    | "roof"
    | "leaves"
    | "bark"
    | "metal"
    | "sign"
    | "car"
    | "cloth";
  /** Colours 0..1. */
  readonly colour: readonly [number, number, number];
  readonly second: readonly [number, number, number];
  readonly seed: number;
  /** Texture sizes in metres; their meaning is the kind's. */
  readonly sizes: readonly [number, number, number];
}

/** The nearest hit of a ray: parameter, outward normal and place in the solid's own axes. */
export interface Hit {
  t: number;
  nx: number;
  ny: number;
  nz: number;
  /** Local place: across, height above the solid's foot, along. */
  across: number;
  height: number;
  along: number;
}

/** Nearer than this nothing is seen. */
const NEAR = 0.3;

/**
 * Where the ray o + t d first enters the solid; false when it misses, or enters behind `limit`.
 * `hit` is written only when it answers true.
 */
export function intersect(
  solid: Solid,
  cos: number,
  sin: number,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  limit: number,
  hit: Hit,
): boolean {
  // Into the solid's axes: across, down, along; origin at its centre.
  const px = ox - solid.x, pz = oz - solid.z;
  const lx = cos * px - sin * pz, lz = sin * px + cos * pz, ly = oy - solid.y;
  const mx = cos * dx - sin * dz, mz = sin * dx + cos * dz;
  if (solid.shape === "box") return hitBox(solid, cos, sin, lx, ly, lz, mx, dy, mz, limit, hit);
  return hitRound(solid, cos, sin, lx, ly, lz, mx, dy, mz, limit, hit);
}

function hitBox(
  solid: Solid,
  cos: number,
  sin: number,
  lx: number,
  ly: number,
  lz: number,
  mx: number,
  my: number,
  mz: number,
  limit: number,
  hit: Hit,
): boolean {
  let enter = NEAR, leave = limit, face = -1;
  // Planes n.p <= c in pairs; leaning sides move inwards with the share of height that is climbed.
  const slopeX = solid.across * solid.leanAcross / (2 * solid.up);
  const slopeZ = solid.along * solid.leanAlong / (2 * solid.up);
  for (let k = 0; k < 6; k++) {
    const sign = k & 1 ? -1 : 1;
    let distance: number, speed: number;
    if (k < 2) {
      distance = solid.up - sign * ly;
      speed = sign * my;
    } else if (k < 4) {
      distance = solid.across - slopeX * (solid.up - ly) - sign * lx;
      speed = sign * mx - slopeX * my;
    } else {
      distance = solid.along - slopeZ * (solid.up - ly) - sign * lz;
      speed = sign * mz - slopeZ * my;
    }
    if (speed === 0) {
      if (distance < 0) return false;
      continue;
    }
    const t = distance / speed;
    if (speed < 0) {
      if (t > enter) {
        enter = t;
        face = k;
      }
    } else if (t < leave) leave = t;
    if (enter > leave) return false;
  }
  if (face < 0) return false;
  const across = lx + enter * mx, along = lz + enter * mz;
  const height = solid.up - (ly + enter * my);
  if (solid.cut !== "none" && cutAway(solid, across, height)) return false;
  const sign = face & 1 ? -1 : 1;
  let ax = 0, ay = 0, az = 0;
  if (face < 2) ay = sign;
  else if (face < 4) {
    ax = sign;
    ay = -slopeX;
  } else {
    az = sign;
    ay = -slopeZ;
  }
  return write(hit, enter, cos * ax + sin * az, ay, -sin * ax + cos * az, across, height, along);
}

function cutAway(solid: Solid, across: number, height: number): boolean {
  const u = across / solid.across, v = height / solid.up - 1;
  if (solid.cut === "round") return u * u + v * v > 1;
  return Math.abs(u) > (1 - v) / 2;
}

function hitRound(
  solid: Solid,
  cos: number,
  sin: number,
  lx: number,
  ly: number,
  lz: number,
  mx: number,
  my: number,
  mz: number,
  limit: number,
  hit: Hit,
): boolean {
  const flat = solid.shape === "cylinder";
  const ix = 1 / solid.across,
    iy = flat ? 0 : 1 / solid.up,
    iz = 1 / (flat ? solid.across : solid.along);
  const ax = lx * ix, ay = ly * iy, az = lz * iz;
  const bx = mx * ix, by = my * iy, bz = mz * iz;
  const a = bx * bx + by * by + bz * bz;
  const b = ax * bx + ay * by + az * bz;
  const discriminant = b * b - a * (ax * ax + ay * ay + az * az - 1);
  if (discriminant <= 0) return false;
  const t = (-b - Math.sqrt(discriminant)) / a;
  if (t < NEAR || t >= limit) return false;
  const y = ly + t * my;
  if (flat && Math.abs(y) > solid.up) return false;
  const across = lx + t * mx, along = lz + t * mz;
  // Leaves end raggedly: gaps of a few decimetres where the crown is seen edge-on.
  if (solid.cut === "ragged" && discriminant < 0.3 * a) {
    const wave = Math.sin(across * 9 + y * 7) + Math.sin(along * 8 - y * 11 + solid.x) +
      Math.sin((across + along) * 17);
    if (wave > 3.2 * discriminant / (0.3 * a) - 0.9) return false;
  }
  let nx = across * ix * ix, ny = y * iy * iy, nz = along * iz * iz;
  const length = Math.hypot(nx, ny, nz);
  nx /= length;
  ny /= length;
  nz /= length;
  const wx = cos * nx + sin * nz, wz = -sin * nx + cos * nz;
  return write(hit, t, wx, ny, wz, across, solid.up - y, along);
}

function write(
  hit: Hit,
  t: number,
  nx: number,
  ny: number,
  nz: number,
  across: number,
  height: number,
  along: number,
): boolean {
  hit.t = t;
  hit.nx = nx;
  hit.ny = ny;
  hit.nz = nz;
  hit.across = across;
  hit.height = height;
  hit.along = along;
  return true;
}
