/** Parameters and inputs by the formula of torch_nn.py, and its summaries of tensors. */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { StateDict } from "../../lib/nn/parameters.ts";

/**
 * offset + scale * sin(0.37 * i^1.5 + phase), i = 1, 2, ... of a tensor in NCHW or OIHW order. By a root, which is the
 * same on every system; powers are not.
 */
export function wave(
  shape: readonly number[],
  phase: number,
  scale = 1,
  offset = 0,
): Float32Array<ArrayBuffer> {
  // Plain loops here and below: some networks have 25 million values.
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i++) {
    values[i] = offset + scale * Math.sin(0.37 * (i + 1) * Math.sqrt(i + 1) + phase);
  }
  return values;
}

/** A wave of shape `[B,C,H,W]` as `[B,H,W,C]`. */
export function waveImage([b, c, h, w]: readonly number[], phase: number): tf.Tensor4D {
  return tf.transpose(tf.tensor4d(wave([b, c, h, w], phase), [b, c, h, w]), [0, 2, 3, 1]);
}

/** The state that the oracles give a network, made from names and shapes. */
export function waveState(shapes: Readonly<Record<string, number[]>>): StateDict {
  const state: StateDict = new Map();
  for (const [name, shape] of Object.entries(shapes)) {
    const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    let [scale, offset] = [0.1, 0];
    if (shape.length === 4) scale = (shape[1] * shape[2] * shape[3]) ** -0.5;
    else if (name.endsWith("running_var")) [scale, offset] = [0.3, 1];
    else if (name.endsWith("weight")) [scale, offset] = [0.2, 1];
    state.set(name, { dtype: "F32", shape, data: wave(shape, phase, scale, offset) });
  }
  return state;
}

/** The oracles' summary of values: sum of squares, then at most 30 of them. */
export function flat(values: ArrayLike<number>): number[] {
  const step = Math.max(1, Math.floor(values.length / 29));
  const count = Math.min(30, Math.ceil(values.length / step));
  let energy = 0;
  for (let i = 0; i < values.length; i++) energy += values[i] ** 2;
  return [energy, ...Array.from({ length: count }, (_, k) => values[k * step])];
}

/** The summary of a convolution's gradient `[h,w,in,out]`, or of any other: their order is `[out,h,w,in]`. */
export function flatGradient(gradient: tf.Tensor): number[] {
  const turned = gradient.rank === 4 ? tf.transpose(gradient, [3, 0, 1, 2]) : gradient;
  return flat(turned.dataSync());
}

/** Two summaries agree: values to `tolerance` of the largest, the sum of squares to a hundred times that. */
export function assertClose(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  assertEquals(actual.length, expected.length, what);
  const scale = 1 + Math.max(...expected.slice(1).map(Math.abs));
  const worst = Math.max(...actual.slice(1).map((v, i) => Math.abs(v - expected[i + 1])));
  assert(worst <= tolerance * scale, `${what}: off by ${worst} at scale ${scale}`);
  assertAlmostEquals(actual[0] / (expected[0] + 1e-9), 1, 100 * tolerance, `${what}: energy`);
}
