/**
 * From disparity to points and normals in the camera's axes: x right, y down, z ahead. The library has
 * the same steps in the same order of rounding (native/shared/regions/surface.h).
 *
 * @module
 */

import type { DepthMap, Intrinsics } from "../records.ts";

/** Points and unit normals of a depth map, `[H,W,3]` each. */
export interface Surface {
  readonly height: number;
  readonly width: number;
  readonly points: Float32Array;
  /** Points towards the camera. */
  readonly normals: Float32Array;
}

/** Inverse depth below this counts as infinitely far. */
const SMALLEST_DISPARITY = 1e-6;

/** A larger step, as a share of depth, is an edge. */
const JUMP = 0.06;

/** Back-projects every pixel: z = 1 / disparity, (x, y) = z K^-1 pixel. */
export function surfaceOf(depth: DepthMap, intrinsics: Intrinsics): Surface {
  const { height, width, disparity } = depth;
  const points = new Float32Array(height * width * 3);
  const rays = Float64Array.from(
    { length: width },
    (_, x) => ((x + 0.5) / width - intrinsics.cx) / intrinsics.fx,
  );
  for (let y = 0, i = 0; y < height; y++) {
    const v = ((y + 0.5) / height - intrinsics.cy) / intrinsics.fy;
    for (let x = 0; x < width; x++, i++) {
      const z = 1 / Math.max(SMALLEST_DISPARITY, disparity[i] || 0);
      points[3 * i] = z * rays[x];
      points[3 * i + 1] = z * v;
      points[3 * i + 2] = z;
    }
  }
  return { height, width, points, normals: normalsOf(points, height, width) };
}

/** Normals from the better of both one-sided differences along each axis, so that edges stay sharp. */
function normalsOf(points: Float32Array, height: number, width: number): Float32Array {
  const normals = new Float32Array(points.length);
  const a = new Float64Array(3), b = new Float64Array(3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      difference(points, i, 1, x, width - 1 - x, a);
      difference(points, i, width, y, height - 1 - y, b);
      // Right x down points away from the camera.
      const nx = b[1] * a[2] - b[2] * a[1],
        ny = b[2] * a[0] - b[0] * a[2],
        nz = b[0] * a[1] - b[1] * a[0];
      const inverse = 1 / (Math.sqrt(nx * nx + ny * ny + nz * nz) || 1);
      normals[3 * i] = nx * inverse;
      normals[3 * i + 1] = ny * inverse;
      normals[3 * i + 2] = nz * inverse;
    }
  }
  return normals;
}

/**
 * Writes the step from pixel to pixel along one axis, taken on one side so that it does not cross an
 * edge. `before` and `after` say how many pixels there are on each side.
 */
function difference(
  points: Float32Array,
  at: number,
  stride: number,
  before: number,
  after: number,
  out: Float64Array,
): void {
  if (before === 0 && after === 0) {
    out.fill(0);
    return;
  }
  const back = after === 0 || (before > 0 && isBackBetter(points, at, stride, before, after));
  const from = back ? at - stride : at, to = from + stride;
  for (let c = 0; c < 3; c++) out[c] = points[3 * to + c] - points[3 * from + c];
}

/**
 * Where depth jumps on a side, the other one is better. Where it does not, the side that goes on
 * straight is: planes are straight in inverse depth, so that this also keeps the folds between them.
 */
function isBackBetter(
  points: Float32Array,
  at: number,
  stride: number,
  before: number,
  after: number,
): boolean {
  const z = points[3 * at + 2];
  const jumpBack = Math.abs(z - points[3 * (at - stride) + 2]);
  const jumpAhead = Math.abs(z - points[3 * (at + stride) + 2]);
  if (before < 2 || after < 2 || Math.max(jumpBack, jumpAhead) > JUMP * z) {
    return jumpBack < jumpAhead;
  }
  return bend(points, at, -stride) < bend(points, at, stride);
}

/** Second difference of inverse depth over a pixel and the next two. */
function bend(points: Float32Array, at: number, stride: number): number {
  const first = 1 / points[3 * at + 2], second = 1 / points[3 * (at + stride) + 2];
  return Math.abs(first - 2 * second + 1 / points[3 * (at + 2 * stride) + 2]);
}
