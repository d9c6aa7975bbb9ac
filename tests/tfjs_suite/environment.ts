/**
 * Registers the engine that TFJS_SUITE_ENGINE names and tells the specs to run on it. The bundle cannot
 * wait for a GPU, so that run.ts opens it beforehand.
 *
 * @module
 */

// @ts-ignore the bundler resolves these modules of the package, which Deno's resolution cannot
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
// @ts-ignore as above
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";
// @ts-ignore as above
import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util.js";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, NativeBackend } from "../../lib/engine/native/backend.ts";
import { type NativeLibrary, openLibrary } from "../../lib/engine/native/library.ts";
import { registerNativeBackend } from "../../lib/engine/native/register.ts";
import type { OpenedDevice } from "../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../lib/engine/webgpu/register.ts";
import type { Tiles } from "../../lib/engine/webgpu/tiles.ts";

const engine = Deno.env.get("TFJS_SUITE_ENGINE") ?? "native";
if (engine === "native") {
  const probe = openLibrary();
  if (!probe.library) throw new Error(probe.reason);
  registerNativeBackend(probe.library);
  takeNameOfCpu(probe.library);
}
if (engine === "webgpu") {
  const { suiteDevice, suiteTiles } = globalThis as unknown as {
    suiteDevice: OpenedDevice;
    suiteTiles?: Tiles;
  };
  registerWebGpuBackend(suiteDevice, { tiles: suiteTiles });
}
const backendName = engine === "native" ? "cpu" : engine;
setTestEnvs([{ name: engine, backendName, flags: {}, isDataSync: engine !== "webgpu" }]);

/** Registers the native engine as "cpu" too, in place of tfjs-backend-cpu: some specs run on no other. */
function takeNameOfCpu(library: NativeLibrary): void {
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    tf.unregisterKernel(kernelName, "cpu");
  }
  tf.copyRegisteredKernels(BACKEND_NAME, "cpu");
  tf.removeBackend("cpu");
  tf.registerBackend("cpu", () => new NativeBackend(library));
}
