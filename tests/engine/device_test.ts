import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type DeviceName, type DeviceOptions, useDevice } from "../../lib/engine/device.ts";
import { takeOver } from "../../lib/engine/hot_choice.ts";
import { type HotLibrary, hotLibrary, preferHotLibrary } from "../../lib/engine/native/hot.ts";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { findAdapter } from "../../lib/engine/webgpu/adapter.ts";
import { openDevice } from "../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../lib/engine/webgpu/register.ts";
import { ConfigError, DeviceError } from "../../lib/errors.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { syntheticBatch } from "../pretrain/synthetic_batch.ts";

const [height, width] = [32, 64];
const config = { ...smallPretrainConfig, queueLength: 40 };
const batches = [1, 2].map((seed) => syntheticBatch(seed, height, width));

function frame(): Frame {
  const random = randomStream(3);
  const rgb = new Uint8Array(height * width * 3).map(() => random.integer(256));
  return { name: "f/1", sequence: "f", height, width, rgb };
}

Deno.test("useDevice() refuses what it does not know, and says what there is", async () => {
  const before = await useDevice("cpu");
  const wishes: [unknown, unknown, string][] = [
    ["gpu", {}, `expected device auto, cpu, webgpu or cuda, got "gpu"; name one of them`],
    ["CPU", {}, `got "CPU"`],
    [null, {}, "got null"],
    ["cpu", { precision: "float16" }, `precision float32 or mixed, got "float16"`],
    ["cpu", { precision: null }, "got null"],
    ["cpu", { threads: 1.5 }, "threads to be an integer from 1, got 1.5"],
    ["cpu", { threads: NaN }, "got NaN"],
    ["cpu", { threads: 0 }, "got 0; leave it out"],
    ["cpu", { threads: 2 ** 40 }, "got 1099511627776"],
  ];
  for (const [name, options, message] of wishes) {
    await assertRejects(
      () => useDevice(name as DeviceName, options as DeviceOptions),
      ConfigError,
      message,
    );
  }
  assertEquals(await useDevice("cpu"), before);
});

Deno.test("useDevice() changes nothing where the engine is in use already", async () => {
  await useDevice("cpu");
  const backend = tf.backend();
  if (sharedLibrary()) assertEquals((await useDevice("cpu", { threads: 1 })).threads, 1);
  const { engine } = await useDevice("cpu");
  if (engine === "native") assertStrictEquals(tf.backend(), backend);
});

Deno.test("trainers ask for useDevice() where there is no engine yet", async () => {
  const module = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
  const code = `import { DepthTrainer } from ${module("lib/depth/trainer.ts")};
    import { tinyDepthConfig } from ${module("lib/depth/config.ts")};
    import { Pretrainer } from ${module("lib/pretrain/pretrainer.ts")};
    import { tinyPretrainConfig } from ${module("lib/pretrain/config.ts")};
    import { useDevice } from ${module("lib/engine/device.ts")};
    const makers = [
      () => new DepthTrainer(tinyDepthConfig, 0),
      () => new Pretrainer(tinyPretrainConfig, 0),
    ];
    for (const make of makers) {
      try { make(); } catch (error) { console.log(error.name, error.message); }
    }
    await useDevice("cpu");
    for (const make of makers) make().dispose();
    console.log("made");`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fromFileUrl(new URL("../../deno.json", import.meta.url)), code],
    env: { NO_COLOR: "1" },
  }).output();
  const line =
    "DeviceError Cannot build a network: expected an engine for its tensors, got none; " +
    "call useDevice() first";
  assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [line, line, "made"]);
});

/** An engine that notes when it is freed. */
function pretend(freed: string[], name: string) {
  const engine: HotLibrary & Disposable = {
    symbols: {} as HotLibrary["symbols"],
    check() {},
    [Symbol.dispose]: () => void freed.push(name),
  };
  return { engine, precision: "float32" as const };
}

Deno.test("takeOver() frees the engine of before, and a new one where the choice fails", async () => {
  const freed: string[] = [], preferred = hotLibrary();
  const [a, b, c] = ["a", "b", "c"].map((name) => pretend(freed, name));
  const fail = () => Promise.reject(new DeviceError("no bfloat16"));
  try {
    await assertRejects(() => takeOver(a, fail), DeviceError, "no bfloat16");
    assertEquals([hotLibrary(), freed], [preferred, ["a"]]);
    assertEquals(await takeOver(b, () => Promise.resolve(1)), 1);
    assertStrictEquals(hotLibrary(), b.engine);
    await assertRejects(() => takeOver(c, fail), DeviceError);
    // Neither a choice of the same engine nor one that fails frees it.
    await takeOver(b, () => Promise.resolve());
    await assertRejects(() => takeOver(b, fail), DeviceError);
    await assertRejects(() => takeOver(undefined, fail), DeviceError);
    assertStrictEquals(hotLibrary(), b.engine);
    assertEquals(freed, ["a", "c"]);
    await takeOver(undefined, () => Promise.resolve());
    assertEquals([hotLibrary(), freed], [sharedLibrary(), ["a", "c", "b"]]);
  } finally {
    preferHotLibrary(undefined);
  }
});

const { found, ...probe } = await findAdapter();
const gpuName = (name: string) =>
  found ? name : `${name} (ignored: ${"reason" in probe ? probe.reason : ""})`;

/** The GPU devices that are opened while `run` runs. */
async function openedBy(run: () => Promise<unknown>): Promise<GPUDevice[]> {
  const opened: GPUDevice[] = [], request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await request.apply(this, args);
    opened.push(device);
    return device;
  };
  try {
    await run();
  } finally {
    GPUAdapter.prototype.requestDevice = request;
  }
  return opened;
}

/** Largest difference of the features of a frame. */
async function featuresOff(pretrainer: Pretrainer, expected: Float32Array): Promise<number> {
  const { values } = await pretrainer.embed([frame()]);
  return Math.max(...values.map((v, i) => Math.abs(v - expected[i])));
}

Deno.test({
  name: gpuName("useDevice() again keeps networks alive, on the same engine and on others"),
  ignore: !found,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const device = await useDevice("webgpu");
    const backend = tf.backend();
    const pretrainer = new Pretrainer(config, 1);
    await pretrainer.step(batches[0], 0);
    const { values } = await pretrainer.embed([frame()]);
    const none = await openedBy(async () => {
      assertStrictEquals(await useDevice("webgpu"), device);
    });
    assertEquals(none, []);
    assertStrictEquals(tf.backend(), backend);
    assertEquals(await featuresOff(pretrainer, values), 0);

    await useDevice("cpu");
    assert(await featuresOff(pretrainer, values) < 1e-3);
    await pretrainer.step(batches[1], 1);
    const after = (await pretrainer.embed([frame()])).values;
    assertStrictEquals(await useDevice("webgpu"), device);
    assert(await featuresOff(pretrainer, after) < 1e-3);
    assert(Number.isFinite((await pretrainer.step(batches[0], 2)).loss));
    pretrainer.dispose();
    await useDevice("cpu");
  },
});

Deno.test({
  name: gpuName("registerWebGpuBackend() again lets what is alive be read"),
  ignore: !found,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await useDevice("cpu");
    for (let n = 0; n < 2; n++) {
      registerWebGpuBackend(await openDevice(found!));
      await tf.setBackend("webgpu");
      // The commands wait, and what they need in between lies idle.
      const x = tf.tensor1d([1, 2, 3]), y = tf.tidy(() => tf.add(tf.mul(x, 2), 1));
      registerWebGpuBackend(await openDevice(found!));
      await tf.setBackend("webgpu");
      assertEquals([...await y.data()], [3, 5, 7]);
      tf.dispose([x, y]);
    }
    await useDevice("cpu");
  },
});

Deno.test({
  name: gpuName("useDevice() opens a GPU anew that was lost, and says what is lost with it"),
  ignore: !found,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await useDevice("cpu");
    tf.removeBackend("webgpu");
    const [opened] = await openedBy(() => useDevice("webgpu"));
    const weight = tf.tidy(() => tf.variable(tf.mul(tf.ones([3]), 2)));
    const kept = tf.tidy(() => tf.variable(tf.ones([3])));
    await weight.data();
    // Commands wait that nobody will ask for.
    tf.tidy(() => void tf.add(tf.mul(weight, 3), 1));
    opened.destroy();
    await opened.lost;
    const lines: string[] = [];
    const again = await openedBy(() =>
      useDevice("webgpu", { warn: (line: string) => void lines.push(line) })
    );
    assertEquals(again.length, 1);
    assertEquals(lines, [
      "webgpu: 1 weights are lost with their device; build the networks anew and import their last state",
    ]);
    assertEquals([...await tf.add(kept, 1).data()], [2, 2, 2]);
    tf.dispose([weight, kept]);
    await useDevice("cpu");
  },
});
