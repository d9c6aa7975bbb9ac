/**
 * How a case is timed and its results are compared.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../lib/engine/webgpu/backend.ts";
import type { Tiles } from "../../lib/engine/webgpu/tiles.ts";
import type { Case } from "./cases.ts";
import { type GpuClock, PASSES } from "./clock.ts";

/** Seconds of work of a pass, and of all passes of a measurement: a card takes some tens of milliseconds to raise its clock. */
const PASS_SECONDS = 0.0005, WORK_SECONDS = 0.03;

/** Runs that fit the queue's batch, with the parts that are added up. */
const MOST_RUNS = 20;

/** Operations a second that a first look counts with. */
const LIKELY_SPEED = 2e13;

/** A first look that is so much slower than the best is not followed by another. */
const HOPELESS = 2;

/** Of the largest value, how far results may lie apart. */
const TOLERANCE = 1e-3;

/** A case's operands, by name. */
export type Operands = Record<string, tf.Tensor>;

/** Makes the engine take these; its tiles do not change otherwise, and its kernels ask for them at every call. */
export function useTiles(backend: WebGpuBackend, tiles: Tiles): void {
  Object.assign(backend, { tiles });
}

/** Operands of a case, made on the GPU. */
export function operandsOf({ operands }: Case): Operands {
  return Object.fromEntries(
    Object.entries(operands).map(([name, shape]) => [name, numbers(shape)]),
  );
}

/**
 * Seconds of one run with the tiles that are in use.
 *
 * @param best What other tiles took; a first look that is much slower is the last.
 */
export async function secondsOf(
  backend: WebGpuBackend,
  clock: GpuClock,
  one: Case,
  operands: Operands,
  best = Infinity,
): Promise<number> {
  const look = async (likely: number, most: number) => {
    const count = Math.max(1, Math.min(MOST_RUNS, Math.round(PASS_SECONDS / likely)));
    const passes = Math.ceil(WORK_SECONDS / likely / count);
    return await clock.seconds(backend, () => one.run(operands).dispose(), {
      count,
      passes: Math.max(2, Math.min(most, passes)),
    });
  };
  const seconds = await look(one.operations / LIKELY_SPEED, 4);
  return seconds < HOPELESS * best ? await look(seconds, PASSES) : seconds;
}

/** As many numbers as a shape has: the same few thousand, over and over. */
function numbers(shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const size = tf.util.sizeFromShape([...shape]);
    // A prime number of them, so that rows differ.
    const some = tf.randomUniform([Math.min(size, 65537)], -1, 1);
    const all = tf.tile(some, [Math.ceil(size / some.size)]);
    return tf.reshape(tf.slice(all, 0, size), [...shape]);
  });
}

/** Whether a result, which is disposed of, is the expected one. */
export async function agrees(got: tf.Tensor, expected: tf.Tensor): Promise<boolean> {
  const apart = tf.tidy(() =>
    tf.div(tf.max(tf.abs(tf.sub(got, expected))), tf.max(tf.abs(expected)))
  );
  const [value] = await apart.data();
  tf.dispose([got, apart]);
  return value <= TOLERANCE;
}
