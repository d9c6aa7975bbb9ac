/**
 * What the tests of kernels share, on the native and on the WebGPU engine: the library with a count of its
 * calls, so that a kernel that quietly falls back fails its test, and random tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { registerGradients } from "../../../lib/engine/gradients.ts";
import { type NativeLibrary, openLibrary } from "../../../lib/engine/native/library.ts";
import { registerNativeBackend } from "../../../lib/engine/native/register.ts";
import type { Tiles } from "../../../lib/engine/webgpu/tiles.ts";
import { type Random, randomStream } from "../../../lib/random.ts";
import type { Dense } from "../../oracles/dense.ts";

// A lower instruction set is the processor's alone: runs of one do not look for an adapter.
const gpu = Deno.env.has("CPCDR_ISA") ? undefined : await import("../webgpu/support.ts");

const probe = openLibrary();
const calls = new Map<string, number>();

/** The library, or undefined where none fits this platform. */
export const library: NativeLibrary | undefined = probe.library && counting(probe.library);

if (library) {
  await registerGradients();
  registerNativeBackend(library);
}

function counting(library: NativeLibrary): NativeLibrary {
  const symbols = new Proxy(library.symbols, {
    get: (functions, name: keyof NativeLibrary["symbols"]) => (...args: unknown[]) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return (functions[name] as (...args: unknown[]) => unknown)(...args);
    },
  });
  return { ...library, symbols };
}

/**
 * A test of a kernel that both engines have: {@linkcode nativeTest}, and the same body on WebGPU, where
 * it may not read tensors synchronously.
 *
 * @param tiles Other ones on WebGPU than those of the device's class.
 */
export function kernelTest(
  name: string,
  symbol: string,
  body: (random: Random) => void | Promise<void>,
  { tiles }: { readonly tiles?: Tiles } = {},
): void {
  nativeTest(name, symbol, body);
  gpu?.gpuTest(`${name} (webgpu)`, body, { tiles });
}

/**
 * A test that must call a function of the library, with random numbers that differ from run to run
 * (SEED in the environment fixes them).
 */
export function nativeTest(
  name: string,
  symbol: string,
  body: (random: Random) => void | Promise<void>,
): void {
  const ignore = library === undefined;
  Deno.test({ name: ignore ? `${name} (no native library here)` : name, ignore, fn: run });
  async function run() {
    const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);
    await tf.setBackend("native");
    calls.clear();
    const tensors = tf.memory().numTensors;
    try {
      tf.engine().startScope();
      await body(randomStream(seed, name));
    } catch (error) {
      throw new Error(`with SEED=${seed}`, { cause: error });
    } finally {
      tf.engine().endScope();
    }
    assert((calls.get(symbol) ?? 0) > 0, `${symbol} was called`);
    assertEquals(tf.memory().numTensors, tensors);
  }
}

/** Normal values, rounded to float32. */
export function draw(random: Random, shape: readonly number[]): Dense {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, values: Float32Array.from({ length: size }, () => random.normal()) };
}

/** A tensor with these values. */
export function tensor<T extends tf.Tensor = tf.Tensor>(
  { shape, values }: Dense,
  dtype: "float32" | "int32" | "bool" = "float32",
): T {
  return tf.tensor(Float32Array.from(values), shape as number[], dtype) as T;
}

/** Runs a kernel that tfjs-core has no function for. */
export function runKernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: Record<string, number | boolean | string | number[] | number[][]> = {},
): tf.Tensor[] {
  const result = tf.engine().runKernel(name, inputs, attrs);
  return Array.isArray(result) ? result : [result as tf.Tensor];
}

/** Same shape, and values within `bound * (1 + |expected|)`; NaN and infinities must be the same. */
export function assertClose(got: tf.Tensor, expected: Dense, bound: number, what = ""): void {
  assertEquals(got.shape, [...expected.shape], what);
  if (tf.getBackend() === "webgpu") {
    gpu!.later(got, (values) => assertValues(values, got.shape, expected, bound, what));
  } else assertValues(got.dataSync(), got.shape, expected, bound, what);
}

function assertValues(
  values: ArrayLike<number>,
  shape: readonly number[],
  expected: Dense,
  bound: number,
  what: string,
): void {
  for (let i = 0; i < values.length; i++) {
    const [ours, theirs] = [values[i], expected.values[i]];
    const close = Object.is(ours, theirs) || ours === theirs ||
      Math.abs(ours - theirs) <= bound * (1 + Math.abs(theirs));
    assert(close, `${what} element ${i} of [${shape}]: expected ${theirs}, got ${ours}`);
  }
}
