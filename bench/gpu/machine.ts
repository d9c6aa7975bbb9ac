/**
 * What there is: the GPU as the driver and as WebGPU see it, and the versions of what is compared with.
 *
 * @module
 */

import { probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { findAdapter } from "../../lib/engine/webgpu/adapter.ts";
import { openDevice } from "../../lib/engine/webgpu/device.ts";

const FEATURES = ["subgroups", "shader-f16", "timestamp-query"];
const LIMITS = [
  ...["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"],
  ...["maxComputeWorkgroupStorageSize", "maxComputeInvocationsPerWorkgroup"],
  ...["maxComputeWorkgroupSizeX", "maxComputeWorkgroupsPerDimension"],
] as const;
const VERSIONS = "import torch; print('PyTorch', torch.__version__, 'cuDNN', " +
  "torch.backends.cudnn.version(), 'CUDA there:', torch.cuda.is_available())";

/** The first line that a program prints, or that it is not there. */
async function ask(command: string, ...args: string[]): Promise<string> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
    const lines = new TextDecoder().decode(success ? stdout : stderr).trim().split("\n");
    return (success ? lines[0] : lines.at(-1)) ?? "";
  } catch {
    return `${command} is not installed`;
  }
}

const python = Deno.env.get("CPCDR_PYTHON") ?? "python3";
const query = "name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit";
console.log(`- GPU: ${await ask("nvidia-smi", `--query-gpu=${query}`, "--format=csv,noheader")}`);
const cpu = (await Deno.readTextFile("/proc/cpuinfo")).match(/model name\s*: (.+)/)?.[1];
console.log(`- CPU: ${cpu}, ${navigator.hardwareConcurrency} threads`);
console.log(`- Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`);
console.log(`- ${await ask(python, "-c", VERSIONS)}`);
const { library, devices: [device], reason } = probeCuda();
if (device) {
  const { capability, memoryBytes, multiprocessors, bytesPerSecond } = device;
  const [gigabytes, speed] = [memoryBytes / 1e9, bytesPerSecond / 1e9].map((x) => x.toFixed(0));
  console.log(
    `- CUDA ${library!.runtime}: ${device.name}, ${capability}, ${gigabytes} GB, ` +
      `${multiprocessors} multiprocessors, ${speed} GB/s at peak`,
  );
} else console.log(`- CUDA: ${reason}`);
const probe = await findAdapter();
if (!probe.found) {
  console.log(`- WebGPU: ${probe.reason}`);
  Deno.exit(1);
}
const { adapter, description, class: kind } = probe.found;
const { info } = adapter;
console.log(
  `- WebGPU: ${description} (${kind}); vendor ${info.vendor}, subgroups of ` +
    `${info.subgroupMinSize ?? "?"} to ${info.subgroupMaxSize ?? "?"}`,
);
const has = FEATURES.map((name) =>
  `${name} ${adapter.features.has(name as GPUFeatureName) ? "yes" : "no"}`
);
console.log(`- features: ${has.join(", ")}; all: ${[...adapter.features].sort().join(", ")}`);
console.log(`- limits: ${LIMITS.map((name) => `${name} ${adapter.limits[name]}`).join(", ")}`);
const opened = await openDevice(probe.found);
const granted = LIMITS.slice(0, 2).map((name) => `${name} ${opened.handle.limits[name]}`);
console.log(`- opened with ${granted.join(", ")}`);
opened.handle.destroy();
