/**
 * What the benches of kernels share: the native engine beside tfjs-backend-cpu in one process.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { useDevice } from "../lib/engine/device.ts";

await useDevice("cpu");

/** The engines that are compared, ours first. */
export const ENGINES = ["native", "cpu"] as const;

/**
 * Benches an operation on both engines. Inputs are made once per engine; the operation's tensors are
 * freed after each run. Both engines have finished when the operation returns.
 */
export function compareEngines<T>(group: string, inputs: () => T, run: (inputs: T) => void): void {
  for (const engine of ENGINES) {
    const backend = tf.findBackend(engine);
    if (!backend) continue;
    // tfjs-backend-cpu greets on first use, in the middle of the table.
    Object.assign(backend, { firstUse: false });
    let made: T | undefined;
    Deno.bench({ name: `${group} (${engine})`, group, baseline: engine === "native" }, (bench) => {
      tf.setBackend(engine);
      made ??= inputs();
      bench.start();
      tf.tidy(() => run(made!));
      bench.end();
    });
  }
}
