/**
 * The shapes that tiles are tuned for: matrix products, and the convolutions of our models at the sizes of
 * the presets.
 *
 * @module
 */

import { resnetChannels } from "../../lib/nn/resnet.ts";

/** A product `[rows, depth] x [depth, columns]`, its operands stored the other way where transposed. */
export interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** A convolution `[B,H,W,C]` by `[size,size,C,outputs]`, padded by half the filter. */
export interface ConvShape {
  readonly input: readonly [number, number, number, number];
  readonly outputs: number;
  readonly size: number;
  readonly stride: number;
}

/** Large squares first; then logits of prototypes and their gradients, thin and small ones. */
export const PRODUCTS: readonly ProductShape[] = [
  ...[4096, 2048, 1024, 512, 256, 64, 16].map((n) => ({ rows: n, columns: n, depth: n })),
  { rows: 65536, columns: 1000, depth: 128, transposeB: true },
  { rows: 65536, columns: 128, depth: 1000 },
  { rows: 1000, columns: 128, depth: 65536, transposeA: true },
  { rows: 65536, columns: 4, depth: 64 },
  { rows: 65536, columns: 16, depth: 16 },
  { rows: 16, columns: 16, depth: 65536, transposeA: true },
  { rows: 4, columns: 1024, depth: 1024 },
  { rows: 64, columns: 1024, depth: 1024 },
];

/** The models' convolutions, none of them twice, those with the most to add first. */
export function convolutions(): ConvShape[] {
  const all = [
    ...encoder(50, 64, [16, 384, 768], 128, 256),
    ...encoder(18, 64, [16, 192, 384], 128, 0),
    ...decoder(64, [12, 192, 384]),
    ...encoder(18, 16, [12, 64, 128], 32, 0),
    ...decoder(16, [16, 64, 128]),
  ];
  const unique = new Map(all.map((shape) => [JSON.stringify(shape), shape]));
  return [...unique.values()].sort((a, b) => productsOf(b) - productsOf(a));
}

/** Products of two numbers that a convolution, or either gradient, adds up. */
export function productsOf(
  { input: [batch, height, width, channels], ...shape }: ConvShape,
): number {
  const { outputs, size, stride } = shape;
  const pixels = batch * Math.ceil(height / stride) * Math.ceil(width / stride);
  return pixels * outputs * size * size * channels;
}

type Images = readonly [batch: number, height: number, width: number];

/** A residual network with its pyramid, as lib/nn builds them. */
function encoder(
  depth: 18 | 50,
  width: number,
  [batch, height, across]: Images,
  pyramidChannels: number,
  topDownChannels: number,
): ConvShape[] {
  const shapes: ConvShape[] = [];
  const add = (inputs: number, outputs: number, size: number, shrink: number, stride = 1) =>
    shapes.push({
      input: [batch, Math.ceil(height / shrink), Math.ceil(across / shrink), inputs],
      outputs,
      size,
      stride,
    });
  const channels = resnetChannels({ depth, width });
  add(3, width, 7, 1, 2);
  for (let stage = 1; stage < channels.length; stage++) {
    const inner = width << (stage - 1), outputs = channels[stage], before = channels[stage - 1];
    const shrink = 2 << stage, stride = stage > 1 ? 2 : 1, from = shrink / stride;
    if (depth === 50) {
      add(before, inner, 1, from);
      add(inner, inner, 3, from, stride);
      add(inner, outputs, 1, shrink);
      add(outputs, inner, 1, shrink);
    } else {
      add(before, outputs, 3, from, stride);
    }
    add(inner, inner, 3, shrink);
    if (before !== outputs || stride > 1) add(before, outputs, 1, from, stride);
    const lateral = topDownChannels || pyramidChannels;
    add(outputs, lateral, 1, shrink);
    if (topDownChannels > 0) add(lateral, lateral, 3, shrink);
    add(lateral, pyramidChannels, 3, shrink);
    add(pyramidChannels, pyramidChannels, 3, shrink);
  }
  return shapes;
}

/** The finest levels of the depth network: few channels on many pixels. */
function decoder(width: number, [batch, height, across]: Images): ConvShape[] {
  const at = (shrink: number, inputs: number, outputs: number): ConvShape => ({
    input: [batch, height / shrink, across / shrink, inputs],
    outputs,
    size: 3,
    stride: 1,
  });
  return [
    at(4, 2 * width, width),
    at(2, 2 * width, width / 2),
    at(2, width / 2, width / 2),
    at(1, width / 2, width / 4),
    at(1, width / 4, width / 4),
    at(1, width / 4, 1),
  ];
}
