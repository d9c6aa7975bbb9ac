/**
 * From which sizes on Winograd's tiles make a convolution faster, all else being tuned.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../lib/engine/webgpu/backend.ts";
import type { Choice, WinogradSizes } from "../../lib/engine/webgpu/tiles.ts";
import type { Case } from "./cases.ts";
import type { GpuClock } from "./clock.ts";
import { agrees, operandsOf, secondsOf, useTiles } from "./measure.ts";

/** Bytes of a round's points that are tried: some that a large GPU's cache holds, and many. */
const BYTES = [1 << 25, 1 << 28] as const;

/** What a convolution took. */
export interface Comparison {
  readonly name: string;
  /** As {@linkcode WinogradSizes} count them. */
  readonly channels: number;
  readonly tiles: number;
  readonly plain: number;
  /** By Winograd's tiles, for each number of bytes. */
  readonly winograd: readonly number[];
}

/** Settings of {@linkcode compareWinograd}. */
export interface CompareOptions {
  /** What products and convolutions were found to be fastest by. */
  readonly choices: readonly Choice[];
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  readonly wrong: string[];
}

/**
 * Times the cases that Winograd's tiles may serve, both ways, until the deadline. Those whose results differ are left out
 * and added to `wrong`.
 */
export async function compareWinograd(
  backend: WebGpuBackend,
  clock: GpuClock,
  cases: readonly Case[],
  { choices, deadline, wrong }: CompareOptions,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const one of cases) {
    if (!one.winograd || performance.now() > deadline) continue;
    const operands = operandsOf(one);
    const plain = { ...backend.tiles, choices, winograd: undefined };
    useTiles(backend, plain);
    const expected = one.run(operands);
    const seconds = await secondsOf(backend, clock, one, operands);
    const winograd: number[] = [];
    for (const bytes of BYTES) {
      useTiles(backend, { ...plain, winograd: { channels: 1, tiles: 1, bytes } });
      if (!await agrees(one.run(operands), expected)) {
        wrong.push(`${one.name} by Winograd's tiles`);
        break;
      }
      winograd.push(await secondsOf(backend, clock, one, operands));
    }
    tf.dispose([operands, expected]);
    useTiles(backend, plain);
    if (winograd.length < BYTES.length) continue;
    const ratios = winograd.map((taken) => (seconds / taken).toFixed(2));
    console.error(`${one.name}: by Winograd's tiles ${ratios.join(" and ")} times as fast`);
    comparisons.push({ name: one.name, ...one.winograd, plain: seconds, winograd });
  }
  return comparisons;
}

/** The sizes that make all cases together the fastest; undefined where none do. */
export function bestSizes(comparisons: readonly Comparison[]): WinogradSizes | undefined {
  const sum = (seconds: (one: Comparison) => number) =>
    comparisons.reduce((total, one) => total + seconds(one), 0);
  let best: WinogradSizes | undefined, least = sum(({ plain }) => plain);
  BYTES.forEach((bytes, k) => {
    for (const { channels } of comparisons) {
      for (const { tiles } of comparisons) {
        const taken = sum((one) =>
          one.channels >= channels && one.tiles >= tiles ? one.winograd[k] : one.plain
        );
        if (taken < least) [best, least] = [{ channels, tiles, bytes }, taken];
      }
    }
  });
  return best;
}
