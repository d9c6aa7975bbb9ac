/**
 * What is compared on WebGPU, as plain data that goes between processes.
 *
 * @module
 */

/** A convolution of the models. */
export interface Convolution {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
}

/** A matrix product, a convolution (backward: by input and filter), or a whole training step. */
export type WebGpuCase =
  | { readonly kind: "gemm"; readonly size: number }
  | { readonly kind: "conv"; readonly conv: Convolution; readonly backward: boolean }
  | {
    readonly kind: "step";
    readonly preset: "tiny" | "paper";
    readonly batch: number;
    readonly height: number;
    readonly width: number;
  };

function both(conv: Convolution): WebGpuCase[] {
  return [false, true].map((backward) => ({ kind: "conv", conv, backward }));
}

type Sizes = [
  batch: number,
  height: number,
  width: number,
  inputs: number,
  outputs: number,
  kernel: number,
  stride: number,
];

function convolution([batch, height, width, inputs, outputs, kernel, stride]: Sizes): Convolution {
  return { batch, height, width, inputs, outputs, kernel, stride };
}

const gemm = (size: number): WebGpuCase => ({ kind: "gemm", size });

/** For any adapter, one in software too. */
export const SMALL_CASES: readonly WebGpuCase[] = [
  gemm(1024),
  ...([
    [8, 32, 64, 64, 64, 3, 1],
    [8, 8, 16, 128, 128, 3, 1],
    [8, 64, 128, 3, 64, 7, 2],
    [8, 16, 32, 64, 128, 1, 1],
  ] satisfies Sizes[]).map(convolution).flatMap(both),
  { kind: "step", preset: "tiny", batch: 4, height: 64, width: 128 },
];

/** For a GPU: larger products, and the layers of preset `paper` at 384 x 768. */
export const GPU_CASES: readonly WebGpuCase[] = [
  gemm(1024),
  gemm(2048),
  gemm(4096),
  ...([
    [4, 384, 768, 3, 64, 7, 2],
    [4, 96, 192, 64, 64, 3, 1],
    [4, 96, 192, 64, 256, 1, 1],
    [4, 96, 192, 128, 128, 3, 2],
    [4, 24, 48, 1024, 256, 1, 1],
    [4, 12, 24, 512, 512, 3, 1],
    [4, 96, 192, 256, 256, 3, 1],
    [4, 96, 192, 256, 128, 3, 1],
  ] satisfies Sizes[]).map(convolution).flatMap(both),
  { kind: "step", preset: "tiny", batch: 12, height: 64, width: 128 },
  { kind: "step", preset: "paper", batch: 1, height: 384, width: 768 },
];

/** What people read. */
export function caseName(one: WebGpuCase): string {
  if (one.kind === "gemm") return `GEMM ${one.size}`;
  if (one.kind === "step") {
    return `${one.preset} training step, ${one.batch}x${one.height}x${one.width}`;
  }
  const { batch, height, width, inputs, outputs, kernel, stride } = one.conv;
  return `conv ${kernel}x${kernel}/${stride} ${inputs}->${outputs}, ` +
    `${batch}x${height}x${width}, ${one.backward ? "backward" : "forward"}`;
}

/** Floating-point operations of a case; undefined of a step. */
export function caseFlops(one: WebGpuCase): number | undefined {
  if (one.kind === "gemm") return 2 * one.size ** 3;
  if (one.kind === "step") return undefined;
  const { batch, height, width, inputs, outputs, kernel, stride } = one.conv;
  const pixels = batch * Math.ceil(height / stride) * Math.ceil(width / stride);
  return 2 * pixels * inputs * outputs * kernel ** 2 * (one.backward ? 2 : 1);
}
