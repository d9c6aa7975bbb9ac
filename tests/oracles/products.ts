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

/** [B,H,W,C] by [h,w,C,O]: every input pixel asks whether the window covers it, and with which tap. */
export function convolved(
  x: Dense,
  filter: Dense,
  { stride, dilation, rows, columns }: Sliding,
): Dense {
  const [batch, height, width, channels] = x.shape;
  const [filterHeight, filterWidth, , outputs] = filter.shape;
  const extent = (
    size: number,
    [before, after]: readonly [number, number],
    taps: number,
    axis: 0 | 1,
  ) => Math.floor((size + before + after - dilation[axis] * (taps - 1) - 1) / stride[axis]) + 1;
  const shape = [
    batch,
    extent(height, rows, filterHeight, 0),
    extent(width, columns, filterWidth, 1),
    outputs,
  ];
  const tap = (index: number, out: number, before: number, axis: 0 | 1) =>
    (index + before - out * stride[axis]) / dilation[axis];
  return build(shape, ([b, oy, ox, o]) => {
    let sum = 0;
    for (let y = 0; y < height; y++) {
      const fy = tap(y, oy, rows[0], 0);
      if (!Number.isInteger(fy) || fy < 0 || fy >= filterHeight) continue;
      for (let xx = 0; xx < width; xx++) {
        const fx = tap(xx, ox, columns[0], 1);
        if (!Number.isInteger(fx) || fx < 0 || fx >= filterWidth) continue;
        for (let c = 0; c < channels; c++) sum += at(x, [b, y, xx, c]) * at(filter, [fy, fx, c, o]);
      }
    }
    return sum;
  });
}
