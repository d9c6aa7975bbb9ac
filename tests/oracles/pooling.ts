/** Pooling of [B,H,W,C]: every window looks at every pixel and asks whether it lies under it. */
import { at, build, type Dense } from "./dense.ts";

export interface Window {
  readonly filter: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly top: number;
  readonly left: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

export function pooled(x: Dense, window: Window, f: (values: number[]) => number): Dense {
  const [batch, height, width, channels] = x.shape;
  const { filter, stride, top, left, outHeight, outWidth } = window;
  const under = (index: number, out: number, axis: 0 | 1) => {
    const from = out * stride[axis] - (axis === 0 ? top : left);
    return index >= from && index < from + filter[axis];
  };
  return build([batch, outHeight, outWidth, channels], ([b, oy, ox, c]) => {
    const values: number[] = [];
    for (let y = 0; y < height; y++) {
      for (let xx = 0; xx < width; xx++) {
        if (under(y, oy, 0) && under(xx, ox, 1)) values.push(at(x, [b, y, xx, c]));
      }
    }
    return f(values);
  });
}

/** Windows over a padded image, as tfjs's "same" (short side first) and "valid" lay them. */
export function windowOf(
  [, height, width]: readonly number[],
  filter: readonly [number, number],
  stride: readonly [number, number],
  pad: "same" | "valid",
): Window {
  const [vertical, horizontal] = [height, width].map((size, axis) => {
    if (pad === "valid") {
      return { out: Math.ceil((size - filter[axis] + 1) / stride[axis]), pad: 0 };
    }
    const out = Math.ceil(size / stride[axis]);
    const missing = Math.max(0, (out - 1) * stride[axis] + filter[axis] - size);
    return { out, pad: Math.floor(missing / 2) };
  });
  const [top, left] = [vertical.pad, horizontal.pad];
  return { filter, stride, top, left, outHeight: vertical.out, outWidth: horizontal.out };
}
