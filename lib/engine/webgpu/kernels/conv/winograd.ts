/**
 * 3 x 3 convolutions with a stride of 1 by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", CVPR 2016): 2 x 2 outputs of a channel take 16 products in place of 36.
 *
 *     Y = A^T [(G g G^T) * (B^T d B)] A     d [4, 4] of the image, g [3, 3], Y [2, 2], * element by element
 *
 * The 16 elements are points (winograd_points.ts); at each of them all tiles' d meet all g in a product of matrices. The
 * gradient in the filter is the same read backwards: dg = G^T [(A dY A^T) * (B^T d B)] G. Sums are off by some times as
 * much as those of plain convolutions. Points lie in memory, of some images at a time.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../backend.ts";
import type { WinogradSizes } from "../../tile_choice.ts";
import type { ConvKind } from "./blocks.ts";
import type { Conv2DInfo } from "./geometry.ts";
import { multiply } from "../matmul/matmul.ts";
import {
  filterFromPoints,
  filterToPoints,
  imagesFromPoints,
  imagesToPoints,
  POINTS,
  tilesOf,
} from "./winograd_points.ts";

/** The convolution of a kernel's operands, or undefined where it does not suit. */
export function winogradConvolution(
  backend: WebGpuBackend,
  kind: ConvKind,
  info: Conv2DInfo,
  operands: readonly [tf.TensorInfo, tf.TensorInfo],
): tf.TensorInfo | undefined {
  const plan = planRounds(backend, info);
  // A gradient larger than the output, as conv2dTranspose allows, is no plain convolution's.
  const [height, width] = kind === "inputGradient"
    ? [info.outHeight, info.outWidth]
    : [info.inHeight, info.inWidth];
  const [, ...size] = operands[0].shape;
  if (!plan || size[0] !== height || size[1] !== width) return undefined;
  return kind === "filterGradient"
    ? filterGradient(backend, info, operands, plan)
    : convolve(backend, kind, info, operands, plan);
}

/** Images of which each round makes the points. */
type Rounds = readonly { readonly first: number; readonly count: number }[];

/** Sizes of a convolution, as {@linkcode WinogradSizes} count them; undefined where tiles cannot make it. */
export function winogradSizes(
  info: Conv2DInfo,
): Pick<WinogradSizes, "channels" | "tiles"> | undefined {
  const { inChannels, outChannels, padInfo: { top, left } } = info;
  if (
    info.filterHeight !== 3 || info.filterWidth !== 3 ||
    info.strideHeight * info.strideWidth * info.dilationHeight * info.dilationWidth !== 1 ||
    top < 0 || left < 0 || inChannels % 4 > 0 || outChannels % 4 > 0
  ) return undefined;
  // Either side is input or output, by the kernel.
  const each = Math.max(
    tilesOf(info.outHeight, info.outWidth),
    tilesOf(info.inHeight, info.inWidth),
  );
  return { channels: Math.min(inChannels, outChannels), tiles: info.batchSize * each };
}

/** Undefined where a convolution is no such, or points had better not be made. */
function planRounds(backend: WebGpuBackend, info: Conv2DInfo): Rounds | undefined {
  const { winograd } = backend.tiles, sizes = winogradSizes(info);
  if (!winograd || !sizes) return undefined;
  if (sizes.channels < winograd.channels || sizes.tiles < winograd.tiles) return undefined;
  const { batchSize, inChannels, outChannels } = info;
  const bytes = sizes.tiles / batchSize * POINTS * Math.max(inChannels, outChannels) * 4;
  if (bytes > backend.largestBytes) return undefined;
  const images = Math.max(1, Math.floor(Math.min(winograd.bytes, backend.largestBytes) / bytes));
  return Array.from({ length: Math.ceil(batchSize / images) }, (_, round) => {
    const first = round * images;
    return { first, count: Math.min(images, batchSize - first) };
  });
}

/** Forward, or the gradient in the input: a convolution by the filter turned around. */
function convolve(
  backend: WebGpuBackend,
  kind: "forward" | "inputGradient",
  info: Conv2DInfo,
  [images, filter]: readonly [tf.TensorInfo, tf.TensorInfo],
  rounds: Rounds,
): tf.TensorInfo {
  const turned = kind === "inputGradient", { top, left } = info.padInfo;
  const output = backend.output(turned ? info.inShape : info.outShape);
  const [, height, width] = output.shape;
  const filters = filterToPoints(backend, filter, turned);
  for (const round of rounds) {
    const grid = { ...round, height, width };
    const pad = turned ? { top: 2 - top, left: 2 - left } : { top, left };
    const points = imagesToPoints(backend, images, "pixels", grid, pad);
    const products = multiply(backend, [points, filters], { transposeB: turned });
    imagesFromPoints(backend, products, output, grid);
    backend.release(points, products);
  }
  backend.release(filters);
  return output;
}

function filterGradient(
  backend: WebGpuBackend,
  info: Conv2DInfo,
  [x, dy]: readonly [tf.TensorInfo, tf.TensorInfo],
  rounds: Rounds,
): tf.TensorInfo {
  const output = backend.output(info.filterShape);
  for (const round of rounds) {
    const grid = { ...round, height: info.outHeight, width: info.outWidth };
    const points = imagesToPoints(backend, x, "pixels", grid, info.padInfo);
    const gradients = imagesToPoints(backend, dy, "gradients", grid, { top: 0, left: 0 });
    const products = multiply(backend, [points, gradients], { transposeA: true });
    filterFromPoints(backend, products, output, round.first > 0);
    backend.release(points, gradients, products);
  }
  return output;
}
