/**
 * A Gauss-Newton step from its normal equations.
 *
 * @module
 */

import { flatMain, type Shader } from "../program.ts";
import { each } from "./matmul/matrix_tile.ts";

const UNKNOWNS = 6;

/**
 * `[B,27]` sums (see alignment.ts) and motions `[B,12]` to moved motions: solves for the step (shift, turn),
 * damped, and turns and shifts the moved points by it.
 */
export const moveShader: Shader<{ workgroup: number }> = {
  name: "alignment, step",
  source: ({ workgroup }) => ({
    reads: { sums: "f32", motions: "f32" },
    writes: { output: "f32" },
    uniforms: { count: "u32", damping: "f32" },
    code: flatMain(
      workgroup,
      `var rows: array<array<f32, 7>, 6>;
  var at = 27 * i;
  for (var k = 0; k < 6; k++) {
    for (var l = k; l < 6; l++) {
      rows[k][l] = sums[at];
      rows[l][k] = sums[at];
      at++;
    }
    rows[k][6] = -sums[27 * i + 21 + u32(k)];
    rows[k][k] += u.damping * rows[k][k] + 1e-6;
  }
  // Gauss and Jordan: the matrix is positive definite.
  for (var k = 0; k < 6; k++) {
    let pivot = rows[k][k];
    for (var l = 0; l < 7; l++) { rows[k][l] /= pivot; }
    for (var r = 0; r < 6; r++) {
      if (r == k) { continue; }
      let factor = rows[r][k];
      for (var l = 0; l < 7; l++) { rows[r][l] -= factor * rows[k][l]; }
    }
  }
  ${each(UNKNOWNS, (k) => `let step${k} = rows[${k}][6];`)}
  let shift = vec3<f32>(step0, step1, step2);
  let turn = vec3<f32>(step3, step4, step5);
  // Rodrigues: R = I + sin(angle) / angle [turn] + (1 - cos(angle)) / angle^2 [turn]^2.
  let square = dot(turn, turn) + 1e-8;
  let angle = sqrt(square);
  let half = sin(0.5 * angle);
  // By series where sines, which may be off by 5e-4, have no digits left.
  let small = square < 0.1;
  let a = select(sin(angle) / angle, 1 - square / 6 * (1 - square / 20), small);
  let b = select(2 * half * half / square, 0.5 - square / 24 * (1 - square / 30), small);
  let skew = mat3x3<f32>(
    vec3<f32>(0, turn.z, -turn.y), vec3<f32>(-turn.z, 0, turn.x), vec3<f32>(turn.y, -turn.x, 0));
  let unit = mat3x3<f32>(vec3<f32>(1, 0, 0), vec3<f32>(0, 1, 0), vec3<f32>(0, 0, 1));
  let by = unit + a * skew + b * (skew * skew);
  let m = 12 * i;
  for (var column = 0u; column < 3; column++) {
    let turned = by * vec3<f32>(
      motions[m + column], motions[m + column + 3], motions[m + column + 6]);
    for (var row = 0u; row < 3; row++) { output[m + 3 * row + column] = turned[row]; }
  }
  let moved = by * vec3<f32>(motions[m + 9], motions[m + 10], motions[m + 11]) + shift;
  for (var row = 0u; row < 3; row++) { output[m + 9 + row] = moved[row]; }`,
    ),
  }),
};
