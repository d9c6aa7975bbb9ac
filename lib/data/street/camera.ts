/**
 * Where the camera is at a time, and the rays through its pixels.
 *
 * @module
 */

import type { Intrinsics } from "../../records.ts";
import { stationAt } from "./road.ts";
import type { Street } from "./street.ts";

/** A camera in the world: x right, y down, z ahead. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Unit vectors of the image's right, down and forward directions. */
  readonly right: readonly [number, number, number];
  readonly down: readonly [number, number, number];
  readonly forward: readonly [number, number, number];
}

/** The camera on its way `seconds` after the start: along the road, with a driver's small wobble. */
export function cameraAt(street: Street, seconds: number): Camera {
  const { camera, curvature } = street;
  const [a, b, c] = camera.phases;
  const s = camera.start + camera.speed * seconds;
  const sway = 0.06 * Math.sin(1.1 * seconds + a);
  const { x, z, heading } = stationAt(curvature, s, camera.offset + sway);
  const yaw = heading + camera.yaw + 0.008 * Math.sin(1.7 * seconds + b);
  const pitch = camera.pitch + 0.004 * Math.sin(6 * seconds + c);
  const height = camera.height + 0.015 * Math.sin(6 * seconds + a + c);
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return {
    x,
    y: -height,
    z,
    right: [cy, 0, -sy],
    down: [-sy * sp, cp, -cy * sp],
    forward: [sy * cp, sp, cy * cp],
  };
}

/** Camera-to-world, 4x4 row-major. */
export function poseOf(camera: Camera): Float64Array {
  const { right: r, down: d, forward: f } = camera;
  return Float64Array.of(
    ...[r[0], d[0], f[0], camera.x],
    ...[r[1], d[1], f[1], camera.y],
    ...[r[2], d[2], f[2], camera.z],
    ...[0, 0, 0, 1],
  );
}

/** Intrinsics of an image of this aspect (width over height); pixels are square. */
export function intrinsicsOf(street: Street, aspect: number): Intrinsics {
  const { focal, centreY } = street.camera;
  return { fx: focal, fy: focal * aspect, cx: 0.5, cy: centreY };
}
