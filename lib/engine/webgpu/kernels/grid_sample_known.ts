/**
 * The gradient of sampling in the image, for positions that the host knows: it sorts them by the pixels
 * they touch, so that each pixel adds up its own in one order, and equal inputs give equal bytes.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../backend.ts";
import { sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { longestRun } from "./flat_indices.ts";

/** dy `[B,h,w,C]` at the positions of `grid` `[B,h,w,2]` to dx `[B,H,W,C]`. */
export function spreadToKnown(
  backend: WebGpuBackend,
  dy: tf.TensorInfo,
  grid: Float32Array,
  shape: readonly number[],
  zeros: boolean,
): tf.TensorInfo {
  const { places, shares, starts } = byPixel(grid, shape, zeros);
  const lists = [
    backend.known([places.length], "int32", places),
    backend.known([shares.length], "float32", shares),
    backend.known([starts.length], "int32", starts),
  ];
  const dx = backend.output(shape);
  const channels = shape[3], width = channels % 4 === 0 ? 4 : 1;
  const count = sizeOf(dx) / width;
  backend.run({
    shader,
    variant: { width, workgroup: backend.tiles.flat },
    reads: [dy, ...lists],
    writes: [dx],
    uniforms: { count, channels: channels / width },
    groups: flatGroups(count, backend.tiles.flat),
    iterations: longestRun(starts),
  });
  backend.release(...lists);
  return dx;
}

/** Each pixel's positions and their shares of it, pixel by pixel; `starts` is where each begins. */
function byPixel(grid: Float32Array, [batch, height, width]: readonly number[], zeros: boolean) {
  const count = grid.length / 2, each = count / batch;
  const pixels = new Int32Array(4 * count).fill(-1);
  const weights = new Float32Array(4 * count);
  for (let place = 0; place < count; place++) {
    const image = Math.floor(place / each) * height;
    const across = tapsOf(grid[2 * place], width, zeros);
    tapsOf(grid[2 * place + 1], height, zeros).forEach(([y, down], row) =>
      across.forEach(([x, along], column) => {
        const at = 4 * place + 2 * row + column;
        if (down * along !== 0) pixels[at] = (image + y) * width + x;
        weights[at] = down * along;
      })
    );
  }
  const starts = new Int32Array(batch * height * width + 1);
  for (const pixel of pixels) if (pixel >= 0) starts[pixel + 1]++;
  for (let pixel = 1; pixel < starts.length; pixel++) starts[pixel] += starts[pixel - 1];
  const next = starts.slice();
  const places = new Int32Array(Math.max(1, starts[starts.length - 1]));
  const shares = new Float32Array(places.length);
  pixels.forEach((pixel, i) => {
    if (pixel < 0) return;
    places[next[pixel]] = i >> 2;
    shares[next[pixel]++] = weights[i];
  });
  return { places, shares, starts };
}

/** The two pixels about a position along an axis, and their shares; outside is the border, or nothing. */
function tapsOf(position: number, size: number, zeros: boolean): [number, number][] {
  const at = zeros ? position : Math.min(size - 1, Math.max(0, position));
  const low = Math.floor(at);
  return ([[low, low + 1 - at], [low + 1, at - low]] as [number, number][]).map(([index, share]) =>
    index >= 0 && index < size ? [index, share] : [0, 0]
  );
}

const shader: Shader<{ width: number; workgroup: number }> = {
  name: "grid sample's gradient at known places",
  source: ({ width, workgroup }) => {
    const type = width === 4 ? "vec4<f32>" : "f32";
    return {
      reads: { dy: type, places: "u32", shares: "f32", starts: "u32" },
      writes: { dx: type },
      uniforms: { count: "u32", channels: "u32" },
      code: flatMain(
        workgroup,
        `let pixel = i / u.channels;
  let c = i % u.channels;
  var sum = ${type}();
  for (var k = starts[pixel]; k < starts[pixel + 1]; k++) {
    sum += shares[k] * dy[places[k] * u.channels + c];
  }
  dx[i] = sum;`,
      ),
    };
  },
};
