/**
 * The channel that is largest at each pixel of a map that is upsampled bilinearly, both grids spanning
 * the same image (half-pixel centres), borders repeated. Similarities are linear in the features, so
 * this is the nearest centre of the upsampled feature without upsampling every feature channel.
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
  const columns = Array.from({ length: outWidth }, (_, x) => taps(x, outWidth, width));
  for (let y = 0; y < outHeight; y++) {
    const row = taps(y, outHeight, height);
    for (let x = 0; x < outWidth; x++) {
      const column = columns[x];
      const nw = (row.first * width + column.first) * channels;
      const ne = (row.first * width + column.second) * channels;
      const sw = (row.second * width + column.first) * channels;
      const se = (row.second * width + column.second) * channels;
      let best = -Infinity;
      for (let c = 0; c < channels; c++) {
        const north = scores[nw + c] + (scores[ne + c] - scores[nw + c]) * column.weight;
        const south = scores[sw + c] + (scores[se + c] - scores[sw + c]) * column.weight;
        const value = north + (south - north) * row.weight;
        if (value > best) {
          best = value;
          largest[y * outWidth + x] = c;
        }
      }
    }
  }
  return largest;
}

/** The two cells that an output pixel lies between, and the weight of the second. */
function taps(
  pixel: number,
  outSize: number,
  size: number,
): { first: number; second: number; weight: number } {
  const position = Math.min(Math.max((pixel + 0.5) * size / outSize - 0.5, 0), size - 1);
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, size - 1), weight: position - first };
}
