/**
 * Bilinear interpolation of feature maps at pixels of the full-size image. Both grids span the same
 * image (half-pixel centres), borders are repeated.
 *
 * @module
 */

/** The two cells of an axis that a pixel lies between, and the weight of the second. */
export interface Taps {
  readonly first: number;
  readonly second: number;
  readonly weight: number;
}

/** The taps of pixel 0..pixels-1 in an axis of `cells` cells. */
export function tapsAt(pixel: number, pixels: number, cells: number): Taps {
  const position = Math.min(Math.max((pixel + 0.5) * cells / pixels - 0.5, 0), cells - 1);
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, cells - 1), weight: position - first };
}

/** Writes the interpolated channels of a `[h,width,channels]` map into `into`, `[channels]`. */
export function interpolate(
  map: Float32Array,
  width: number,
  channels: number,
  row: Taps,
  column: Taps,
  into: Float32Array,
): void {
  const northWest = (row.first * width + column.first) * channels;
  const northEast = (row.first * width + column.second) * channels;
  const southWest = (row.second * width + column.first) * channels;
  const southEast = (row.second * width + column.second) * channels;
  for (let c = 0; c < channels; c++) {
    const north = map[northWest + c] + (map[northEast + c] - map[northWest + c]) * column.weight;
    const south = map[southWest + c] + (map[southEast + c] - map[southWest + c]) * column.weight;
    into[c] = north + (south - north) * row.weight;
  }
}

/**
 * The channel that is largest at each pixel of an upsampled map. Similarities are linear in the
 * features, so this is the nearest centre of the upsampled feature at the cost of one channel a
 * centre.
 *
 * @param scores `[height,width,channels]`.
 * @returns `[outHeight,outWidth]` channel ids; the first of equals.
 */
export function largestChannel(
  scores: Float32Array,
  height: number,
  width: number,
  channels: number,
  outHeight: number,
  outWidth: number,
): Int32Array {
  const largest = new Int32Array(outHeight * outWidth);
  const values = new Float32Array(channels);
  const columns = Array.from({ length: outWidth }, (_, x) => tapsAt(x, outWidth, width));
  for (let y = 0; y < outHeight; y++) {
    const row = tapsAt(y, outHeight, height);
    for (let x = 0; x < outWidth; x++) {
      interpolate(scores, width, channels, row, columns[x], values);
      let best = 0;
      for (let c = 1; c < channels; c++) if (values[c] > values[best]) best = c;
      largest[y * outWidth + x] = best;
    }
  }
  return largest;
}
