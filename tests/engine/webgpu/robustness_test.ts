import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { useDevice } from "../../../lib/engine/device.ts";
import { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { openDevice, type OpenedDevice } from "../../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../../lib/engine/webgpu/register.ts";
import { DeviceLostError, DeviceMemoryError } from "../../../lib/errors.ts";
import { loadCheckpoint, saveCheckpoint } from "../../../lib/run/storage/checkpoint.ts";
import { train } from "../../../lib/run/training.ts";
import { assertRefused } from "../../cli/process.ts";
import { adapter, gpuTest } from "./support.ts";
import { pretraining, type Trainee } from "./trainees.ts";

/** Runs the body with backend `webgpu` on a device of its own, which the body may break. */
async function onDevice(device: OpenedDevice, body: () => Promise<void>): Promise<void> {
  registerWebGpuBackend(device);
  await tf.setBackend("webgpu");
  try {
    await body();
  } finally {
    device.handle.destroy();
    registerWebGpuBackend(await openDevice(adapter!));
    await tf.setBackend("webgpu");
  }
}

const SETTINGS = { stage: "test" };

/** A run of 6 steps that saves every second one; `interfere` is told each step before it starts. */
async function run(trainee: Trainee, folder: string, interfere: (step: number) => void) {
  const losses: number[] = [];
  const start = await loadCheckpoint(folder, SETTINGS);
  if (start) trainee.import(start.state);
  const completed = await train({
    steps: 6,
    completed: start?.step ?? 0,
    saveEvery: 2,
    batches: (async function* () {
      for (;;) yield await Promise.resolve();
    })(),
    step: async (_, step) => {
      interfere(step);
      const loss = await trainee.step(step);
      losses.push(loss);
      return { loss };
    },
    save: async (step) =>
      await saveCheckpoint(folder, { step, state: await trainee.export() }, SETTINGS),
    report: () => {},
  });
  return { losses, completed };
}

gpuTest("a run whose device is lost keeps its checkpoint, and goes on on the CPU", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const device = await openDevice(adapter!);
    await onDevice(device, async () => {
      const trainee = pretraining(4);
      await assertRejects(
        () => run(trainee, folder, (step) => step === 5 && device.handle.destroy()),
        DeviceLostError,
        "--resume, or use --device cpu",
      );
      trainee.dispose();
    });
    assertEquals((await loadCheckpoint(folder, SETTINGS))?.step, 4);
    await useDevice("cpu");
    const trainee = pretraining(4);
    const { losses, completed } = await run(trainee, folder, () => {});
    trainee.dispose();
    assertEquals([losses.length, completed], [2, 6]);
    assert(losses.every(Number.isFinite));
  } finally {
    await Deno.remove(folder, { recursive: true });
    await tf.setBackend("webgpu");
  }
});

Deno.test("the command line without an adapter ends in one line and exit code 1", async () => {
  const folder = await Deno.makeTempDir();
  const path = (name: string) => fromFileUrl(new URL(`../../../${name}`, import.meta.url));
  const options = ["--device", "webgpu", "--steps", "1", "--out", "run"];
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", path("deno.json"), path("cli.ts"), "depth", ...options],
      cwd: folder,
      env: {
        // Both names of the loader's list of drivers, the newer one first.
        VK_DRIVER_FILES: "/dev/null",
        VK_ICD_FILENAMES: "/dev/null",
        DENO_WEBGPU_BACKEND: "vulkan",
        NO_COLOR: "1",
      },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    const outcome = { code, stdout: text(stdout), stderr: text(stderr) };
    assertRefused(outcome, "Cannot use device webgpu: no WebGPU adapter", "--device cpu");
    assertEquals(outcome.stdout, "");
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

gpuTest("training needs no more than the limits that every device has", async () => {
  const learn = async () => {
    const trainee = pretraining(9);
    const losses = [await trainee.step(0), await trainee.step(1)];
    trainee.dispose();
    return losses;
  };
  const expected = await learn();
  await onDevice(await openDevice(adapter!, { defaultLimits: true }), async () => {
    assertEquals(await learn(), expected);
  });
});

gpuTest("memory that the GPU does not have becomes an error that says what to do", async () => {
  const device = await openDevice(adapter!);
  const backend = new WebGpuBackend(device);
  const x = backend.known([2], "float32", Float32Array.of(1, 2));
  device.handle.dispatchEvent(
    new GPUUncapturedErrorEvent("uncapturederror", {
      error: new GPUOutOfMemoryError("not enough"),
      cancelable: true,
    }),
  );
  assertThrows(() => backend.output([4]), DeviceMemoryError, "out of memory; use a smaller batch");
  assertEquals([...await backend.read(x.dataId) as Float32Array], [1, 2]);
  device.handle.destroy();
});
