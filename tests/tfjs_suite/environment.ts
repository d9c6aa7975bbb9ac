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
import { openLibrary } from "../../lib/engine/native/library.ts";
import { registerNativeBackend } from "../../lib/engine/native/register.ts";
import type { OpenedDevice } from "../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../lib/engine/webgpu/register.ts";
import type { Tiles } from "../../lib/engine/webgpu/tiles.ts";

const engine = Deno.env.get("TFJS_SUITE_ENGINE") ?? "native";
if (engine === "native") {
  const probe = openLibrary();
  if (!probe.library) throw new Error(probe.reason);
  registerNativeBackend(probe.library);
}
if (engine === "webgpu") {
  const { suiteDevice, suiteTiles } = globalThis as unknown as {
    suiteDevice: OpenedDevice;
    suiteTiles?: Tiles;
  };
  registerWebGpuBackend(suiteDevice, suiteTiles);
}
setTestEnvs([{ name: engine, backendName: engine, flags: {}, isDataSync: engine !== "webgpu" }]);
