/** Matrix products and convolutions, one sum of products for each element of the result. */
import { at, build, type Dense } from "./dense.ts";

/** [..., M, K] by [..., K, N], either transposed; missing and single outer axes repeat. */
export function matrixProduct(a: Dense, b: Dense, transposeA: boolean, transposeB: boolean): Dense {
  const outerA = a.shape.slice(0, -2), outerB = b.shape.slice(0, -2);
  const outer = outerA.length > outerB.length
    ? outerA
    : outerB.map((n, k) => Math.max(n, outerA[k - outerB.length + outerA.length] ?? 1));
  const [rows, depth] = transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  return build([...outer, rows, columns], (place) => {
    const [m, n] = place.slice(-2), before = place.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      sum += at(a, [...before, ...(transposeA ? [k, m] : [m, k])]) *
        at(b, [...before, ...(transposeB ? [n, k] : [k, n])]);
    }
    return sum;
  });
}

export interface Sliding {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Zeros above and below, left and right. */
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/** [B,H,W,C] by [h,w,C,O], padded with zeros. */
export function convolved(x: Dense, filter: Dense, sliding: Sliding): Dense {
  const shape = convolvedShape(x, filter, sliding);
  const values = new Float64Array(shape.reduce((product, size) => product * size, 1));
  forTaps(x, filter, shape, sliding, (to, ofX, ofFilter) => {
    values[to] += x.values[ofX] * filter.values[ofFilter];
  });
  return { shape, values };
}

/** What a gradient `dy` of {@linkcode convolved} is in both operands. */
export function convolutionGradients(
  x: Dense,
  filter: Dense,
  dy: Dense,
  sliding: Sliding,
): { dx: Dense; dfilter: Dense } {
  const dx = new Float64Array(x.values.length), dfilter = new Float64Array(filter.values.length);
  forTaps(x, filter, dy.shape, sliding, (to, ofX, ofFilter) => {
    dx[ofX] += dy.values[to] * filter.values[ofFilter];
    dfilter[ofFilter] += dy.values[to] * x.values[ofX];
  });
  return { dx: { shape: x.shape, values: dx }, dfilter: { shape: filter.shape, values: dfilter } };
}

function convolvedShape(x: Dense, filter: Dense, sliding: Sliding): number[] {
  const { stride, dilation, rows, columns } = sliding;
  const extent = (axis: 0 | 1, [before, after]: readonly [number, number]) => {
    const span = dilation[axis] * (filter.shape[axis] - 1) + 1;
    return Math.floor((x.shape[1 + axis] + before + after - span) / stride[axis]) + 1;
  };
  return [x.shape[0], extent(0, rows), extent(1, columns), filter.shape[3]];
}

/** Calls `visit` with the places in the result, in x and in the filter of every product that is added up. */
function forTaps(
  { shape: [batch, height, width, channels] }: Dense,
  { shape: [filterHeight, filterWidth] }: Dense,
  [, outHeight, outWidth, outputs]: readonly number[],
  { stride, dilation, rows, columns }: Sliding,
  visit: (to: number, ofX: number, ofFilter: number) => void,
): void {
  const places = (extents: readonly number[]): number[][] =>
    extents.reduce<number[][]>(
      (all, extent) =>
        all.flatMap((place) => Array.from({ length: extent }, (_, i) => [...place, i])),
      [[]],
    );
  const taps = places([filterHeight, filterWidth, channels, outputs]);
  for (const [b, oy, ox] of places([batch, outHeight, outWidth])) {
    for (const [fy, fx, c, o] of taps) {
      const y = oy * stride[0] + fy * dilation[0] - rows[0];
      const column = ox * stride[1] + fx * dilation[1] - columns[0];
      if (y < 0 || y >= height || column < 0 || column >= width) continue;
      visit(
        ((b * outHeight + oy) * outWidth + ox) * outputs + o,
        ((b * height + y) * width + column) * channels + c,
        ((fy * filterWidth + fx) * channels + c) * outputs + o,
      );
    }
  }
}

type Pair = [number, number];

/** Shapes, and how a filter slides over them. */
export type Convolution = [
  x: number[],
  filter: number[],
  stride: Pair,
  pad: [Pair, Pair],
  dilation: Pair,
];

/**
 * What engines are held against the definition with, many of them padded otherwise above than below, and otherwise in
 * rows than in columns.
 */
export const CONVOLUTIONS: readonly Convolution[] = [
  [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [[0, 0], [0, 0]], [1, 1]],
  [[2, 5, 7, 3], [3, 3, 3, 5], [1, 1], [[1, 1], [1, 1]], [1, 1]],
  [[2, 9, 12, 16], [3, 3, 16, 16], [1, 1], [[1, 1], [1, 1]], [1, 1]],
  [[1, 6, 9, 4], [3, 2, 4, 8], [2, 1], [[0, 1], [1, 0]], [1, 1]],
  [[2, 8, 5, 8], [1, 1, 8, 4], [2, 2], [[0, 0], [0, 0]], [1, 1]],
  [[1, 9, 11, 2], [7, 7, 2, 4], [2, 2], [[3, 3], [3, 3]], [1, 1]],
  [[1, 7, 8, 4], [3, 3, 4, 1], [1, 1], [[2, 2], [2, 2]], [2, 2]],
  [[1, 3, 40, 5], [3, 3, 5, 9], [1, 3], [[1, 1], [0, 0]], [1, 1]],
  [[1, 6, 5, 3], [3, 2, 3, 20], [2, 2], [[2, 2], [1, 0]], [2, 3]],
  [[1, 5, 11, 4], [3, 2, 4, 20], [3, 2], [[1, 0], [1, 1]], [1, 1]],
];
