/** Plain scalar definitions of the depth stage's geometry and losses. */
import { bilinear, type Image, similarityAt } from "./sampling.ts";

export type Matrix = number[][];

export function multiply(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
}

/** exp of the cross-product matrix of v by its power series, which knows no angle or axis. */
export function rotationOf([x, y, z]: number[]): Matrix {
  const cross = [[0, -z, y], [z, 0, -x], [-y, x, 0]];
  let term: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  let sum = term.map((row) => [...row]);
  for (let n = 1; n < 30; n++) {
    term = multiply(term, cross).map((row) => row.map((v) => v / n));
    sum = sum.map((row, i) => row.map((v, j) => v + term[i][j]));
  }
  return sum;
}

export interface Pinhole {
  focalX: number;
  focalY: number;
  centreX: number;
  centreY: number;
}

/** Back-projects a pixel to a point, moves it, and projects it. */
export function follow(
  [x, y]: number[],
  depth: number,
  rotation: Matrix,
  translation: number[],
  camera: Pinhole,
): number[] {
  const point = [
    [(x - camera.centreX) / camera.focalX * depth],
    [(y - camera.centreY) / camera.focalY * depth],
    [depth],
  ];
  const [X, Y, Z] = multiply(rotation, point).map(([v], i) => v + translation[i]);
  return [camera.focalX * X / Z + camera.centreX, camera.focalY * Y / Z + camera.centreY];
}

/** The source read where each target pixel of the given depth comes to lie. */
export function warp(
  source: Image,
  depth: number[][],
  rotation: Matrix,
  translation: number[],
  camera: Pinhole,
): Image {
  return depth.map((row, y) =>
    row.map((z, x) => {
      const [u, v] = follow([x, y], z, rotation, translation, camera);
      return bilinear(source, u, v, "border");
    })
  );
}

export function photometric(a: Image, b: Image, weight: number): number[][] {
  return a.map((row, r) =>
    row.map((pixel, k) => {
      let sum = 0;
      pixel.forEach((v, c) => {
        const dissimilarity = (1 - similarityAt(a, b, r, k, c)) / 2;
        sum += weight * Math.min(1, Math.max(0, dissimilarity)) +
          (1 - weight) * Math.abs(v - b[r][k][c]);
      });
      return sum / pixel.length;
    })
  );
}

export function smoothness(disparity: number[][], image: Image): number {
  const all = disparity.flat();
  const mean = all.reduce((s, v) => s + v, 0) / all.length;
  const terms: [number[], number[]] = [[], []];
  disparity.forEach((row, r) =>
    row.forEach((d, k) => {
      [[r, k + 1], [r + 1, k]].forEach(([r2, k2], axis) => {
        const other = disparity[r2]?.[k2];
        if (other === undefined) return;
        const colours = image[r][k].map((v, c) => Math.abs(v - image[r2][k2][c]));
        const edge = colours.reduce((s, v) => s + v, 0) / colours.length;
        terms[axis].push(Math.abs(d - other) / mean * Math.exp(-edge));
      });
    })
  );
  return terms.map((t) => t.reduce((s, v) => s + v, 0) / t.length).reduce((s, v) => s + v, 0);
}
