/** Resizing of [B,H,W,C] as TensorFlow defines it, from interpolation weights of either axis. */
import { at, build, type Dense } from "./dense.ts";

export interface Positions {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Where an output index looks in the input, in pixels. */
function position(o: number, input: number, output: number, how: Positions): number {
  if (how.alignCorners && output > 1) return o * (input - 1) / (output - 1);
  return how.halfPixelCenters ? (o + 0.5) * input / output - 0.5 : o * input / output;
}

/** The weight of input index i in output index o: a tent around the position, held at the border. */
function tent(i: number, o: number, input: number, output: number, how: Positions): number {
  const place = Math.min(input - 1, Math.max(0, position(o, input, output, how)));
  return Math.max(0, 1 - Math.abs(i - place));
}

/** 1 for the nearest input index, by rounding with aligned corners and by flooring without. */
function nearest(i: number, o: number, input: number, output: number, how: Positions): number {
  const place = position(o, input, output, how);
  const index = how.alignCorners
    ? Math.round(place)
    : Math.floor(how.halfPixelCenters ? place + 0.5 : place);
  return Number(i === Math.min(input - 1, index));
}

export function resized(
  x: Dense,
  [height, width]: readonly [number, number],
  kind: "bilinear" | "nearest",
  how: Positions,
): Dense {
  const weight = kind === "bilinear" ? tent : nearest;
  const [batch, inHeight, inWidth, channels] = x.shape;
  return build([batch, height, width, channels], ([b, oy, ox, c]) => {
    let sum = 0;
    for (let y = 0; y < inHeight; y++) {
      for (let xx = 0; xx < inWidth; xx++) {
        const share = weight(y, oy, inHeight, height, how) * weight(xx, ox, inWidth, width, how);
        if (share > 0) sum += share * at(x, [b, y, xx, c]);
      }
    }
    return sum;
  });
}
