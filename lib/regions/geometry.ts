/**
 * From disparity to points and normals in the camera's axes: x right, y down, z ahead.
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

/** Back-projects every pixel: z = 1 / disparity, (x, y) = z K^-1 pixel. */
export function surfaceOf(depth: DepthMap, intrinsics: Intrinsics): Surface {
  const { height, width, disparity } = depth;
  const points = new Float32Array(height * width * 3);
  for (let y = 0, i = 0; y < height; y++) {
    const v = ((y + 0.5) / height - intrinsics.cy) / intrinsics.fy;
    for (let x = 0; x < width; x++, i++) {
      const z = 1 / Math.max(SMALLEST_DISPARITY, disparity[i] || 0);
      points[3 * i] = z * ((x + 0.5) / width - intrinsics.cx) / intrinsics.fx;
      points[3 * i + 1] = z * v;
      points[3 * i + 2] = z;
    }
  }
  return { height, width, points, normals: normalsOf(points, height, width) };
}

/** Normals from the smaller of both one-sided differences along each axis, so that edges stay sharp. */
function normalsOf(points: Float32Array, height: number, width: number): Float32Array {
  const normals = new Float32Array(points.length);
  const a = new Float64Array(3), b = new Float64Array(3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      difference(points, i, x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, a);
      difference(points, i, y > 0 ? i - width : -1, y < height - 1 ? i + width : -1, b);
      // Right x down points away from the camera.
      let nx = b[1] * a[2] - b[2] * a[1],
        ny = b[2] * a[0] - b[0] * a[2],
        nz = b[0] * a[1] - b[1] * a[0];
      const length = Math.hypot(nx, ny, nz) || 1;
      nx /= length;
      ny /= length;
      nz /= length;
      normals[3 * i] = nx;
      normals[3 * i + 1] = ny;
      normals[3 * i + 2] = nz;
    }
  }
  return normals;
}

/** Writes the step from pixel to pixel along one axis; -1 is no neighbour. */
function difference(
  points: Float32Array,
  at: number,
  before: number,
  after: number,
  out: Float64Array,
): void {
  const back = before < 0 ? Infinity : Math.abs(points[3 * at + 2] - points[3 * before + 2]);
  const ahead = after < 0 ? Infinity : Math.abs(points[3 * after + 2] - points[3 * at + 2]);
  if (back === Infinity && ahead === Infinity) {
    out.fill(0);
    return;
  }
  const [from, to] = back < ahead ? [before, at] : [at, after];
  for (let c = 0; c < 3; c++) out[c] = points[3 * to + c] - points[3 * from + c];
}
