/**
 * The road as a circular arc, and the two ways to name a place: in the world (x right, z ahead at the
 * start) and along the road (s metres along its middle, d metres to the right of it).
 *
 * @module
 */

/** Below this a road is straight. */
const STRAIGHT = 1e-5;

/** A place and a heading on the ground. */
export interface Station {
  readonly x: number;
  readonly z: number;
  /** Radians to the right of the z axis. */
  readonly heading: number;
}

/** The world place of (s, d) on a road of this curvature (1/metres, positive turns right). */
export function stationAt(curvature: number, s: number, d: number): Station {
  if (Math.abs(curvature) < STRAIGHT) return { x: d, z: s, heading: 0 };
  const heading = curvature * s;
  const radius = 1 / curvature;
  return {
    x: radius - (radius - d) * Math.cos(heading),
    z: (radius - d) * Math.sin(heading),
    heading,
  };
}

/** Metres to the right of the road's middle. */
export function offsetOf(curvature: number, x: number, z: number): number {
  if (Math.abs(curvature) < STRAIGHT) return x;
  const radius = 1 / curvature;
  return radius - Math.sign(curvature) * Math.hypot(x - radius, z);
}

/** Metres along the road's middle. */
export function distanceAlong(curvature: number, x: number, z: number): number {
  if (Math.abs(curvature) < STRAIGHT) return z;
  const sign = Math.sign(curvature);
  return Math.atan2(z * sign, (1 / curvature - x) * sign) / curvature;
}
