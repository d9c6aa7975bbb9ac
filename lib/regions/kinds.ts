/**
 * What each pixel is taken for: sky, ground, ground that a kerb raises, or a thing.
 *
 * @module
 */

import type { RegionConfig } from "./config.ts";
import type { Surface } from "./geometry.ts";
import { groundLevels } from "./ground_levels.ts";
import { type GroundPlane, heightAbove } from "./ground_plane.ts";

/** The kinds; those of the ground are odd. */
export const Kind = { object: 0, ground: 1, sky: 2, raised: 3 } as const;

/** Least upward share of a normal where heights tell of the ground's levels. */
const LEVEL = 0.95;
/** Farther than so many camera heights, a plane that tilts by little says nothing of heights. */
const REACH = 20;
/** The part of a kerb's height from which on its face goes with the pavement. */
const FACE = 0.1;
/** Ground lies at most this far above the raised level, in camera heights, where it does not look flat. */
const MARGIN = 0.01;

/** `[H,W]` heights above the ground in camera heights; all 1 without a plane. */
export function heightsOf(surface: Surface, plane: GroundPlane | undefined): Float32Array {
  const count = surface.height * surface.width;
  const heights = new Float32Array(count).fill(1);
  if (plane) { for (let i = 0; i < count; i++) heights[i] = heightAbove(plane, surface.points, i); }
  return heights;
}

/**
 * `[H,W]` a {@linkcode Kind} each.
 *
 * @param heights Those of {@linkcode heightsOf}.
 * @param unit The camera's height in the unit of the depth map.
 */
export function kindsOf(
  { points, normals }: Surface,
  heights: Float32Array,
  unit: number,
  plane: GroundPlane | undefined,
  { groundHeight, groundUpright, kerb, skyDepth }: RegionConfig,
): Uint8Array {
  const up = plane ? plane.normal.map((value) => -value * plane.cameraHeight) : [0, -1, 0];
  const upright = heights.map((_, i) =>
    normals[3 * i] * up[0] + normals[3 * i + 1] * up[1] + normals[3 * i + 2] * up[2]
  );
  const level = heights.filter((height, i) =>
    Math.abs(height) < groundHeight && upright[i] > LEVEL && points[3 * i + 2] < REACH * unit
  );
  const levels = groundLevels(level, groundHeight, kerb);
  const edge = levels ? levels.lower + FACE * (levels.upper - levels.lower) : Infinity;
  // Up to the raised level nothing stands apart from the ground, and normals at a kerb say little.
  const top = levels ? levels.upper + MARGIN : -Infinity;
  return Uint8Array.from(heights, (height, i) => {
    const near = Math.abs(height) < groundHeight;
    const flat = upright[i] > groundUpright ||
      (height < groundHeight / 3 && upright[i] > groundUpright / 2);
    const ground = height < groundHeight && (flat || (near && height < top));
    // The sky ends at the horizon: what lies on the plane is ground however far away it is.
    if (points[3 * i + 2] > skyDepth * unit && !(ground && near)) return Kind.sky;
    if (!ground) return Kind.object;
    return height > edge ? Kind.raised : Kind.ground;
  });
}
