/**
 * What the tests of the WebGPU engine share: the adapter, and tests that are ignored with a reason where
 * there is none (REQUIRE_GPU=1 makes them fail instead).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../../../lib/engine/gradients.ts";
import { findAdapter, type FoundAdapter } from "../../../lib/engine/webgpu/adapter.ts";
import { openDevice } from "../../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../../lib/engine/webgpu/register.ts";
import type { Tiles } from "../../../lib/engine/webgpu/tiles.ts";
import { type Random, randomStream } from "../../../lib/random.ts";

const probe = await findAdapter();

/** The adapter that tests run on, if there is one. */
export const adapter: FoundAdapter | undefined = probe.found;

const device = probe.found && await openDevice(probe.found);

if (device) {
  await registerGradients();
  registerWebGpuBackend(device);
}

/** Those that the engine is registered with. */
let registered: Tiles | undefined;

/** Registers the engine anew, with other tiles than those of the device's class. */
function useTiles(tiles: Tiles | undefined): void {
  if (!device || tiles === registered) return;
  registerWebGpuBackend(device, { tiles });
  registered = tiles;
}

/**
 * A test on the WebGPU engine, with random numbers that differ from run to run (SEED in the environment
 * fixes them). What the body reads without waiting it hands to {@linkcode later}.
 *
 * @param tiles In place of those of the device's class.
 */
export function gpuTest(
  name: string,
  body: (random: Random) => void | Promise<void>,
  { tiles }: { readonly tiles?: Tiles } = {},
): void {
  const reason = probe.found ? "" : ` (ignored: ${probe.reason})`;
  const required = Deno.env.get("REQUIRE_GPU") === "1";
  Deno.test({
    name: name + reason,
    ignore: !probe.found && !required,
    // The device lives on from test to test.
    sanitizeResources: false,
    sanitizeOps: false,
    async fn() {
      if (!probe.found) throw new Error(`REQUIRE_GPU=1, but ${probe.reason}`);
      const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);
      useTiles(tiles);
      await tf.setBackend("webgpu");
      const tensors = tf.memory().numTensors;
      try {
        tf.engine().startScope();
        await body(randomStream(seed, name));
        await Promise.all(pending.splice(0));
      } catch (error) {
        throw new Error(`with SEED=${seed}`, { cause: error });
      } finally {
        pending.splice(0);
        tf.engine().endScope();
      }
      const left = tf.memory().numTensors - tensors;
      if (left !== 0) throw new Error(`${left} tensors are left`);
    },
  });
}

const pending: Promise<void>[] = [];

/** Reads a tensor and checks its values before the test ends. */
export function later(tensor: tf.Tensor, check: (values: ArrayLike<number>) => void): void {
  const checked = tensor.data().then(check);
  // It is awaited at the end of the test, which may be after it failed.
  checked.catch(() => {});
  pending.push(checked);
}
