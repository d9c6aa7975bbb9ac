/**
 * One training step of preset `paper`, or of another: seconds and the most memory that it held.
 *
 *     deno run -A bench/paper_step.ts [--preset NAME] [--device cpu|webgpu|cuda] [--rounds N] [--accumulate N] [--mixed] [--peer]
 *
 * The step is that of the contrastive stage on a mixed batch of random sources, forward, backward and update, in mixed
 * precision with `--mixed`. With `--peer`, for `paper` alone, PyTorch then takes as many forward and backward passes through
 * the same network on the CPU (bench/torch_paper_step.py). With `--rounds N` the first step is warm-up, and the time the
 * median of N after it; a step ends when its loss and measures are read back. The last line of stdout is JSON.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { fromFileUrl } from "@std/path";
import { type DeviceName, useDevice } from "../lib/engine/device.ts";
import { ConfigError } from "../lib/errors.ts";
import { countParameters } from "../lib/pretrain/encoder.ts";
import { memoryLine, memoryPlan } from "../lib/pretrain/memory_plan.ts";
import { Pretrainer } from "../lib/pretrain/pretrainer.ts";
import { randomStream } from "../lib/random.ts";
import type { Copy, MixedBatch } from "../lib/records.ts";
import { type Preset, type PresetName, PRESETS } from "../lib/run/presets.ts";
import { forgetPeak, peakBytes, roundsOption, runBench } from "./peers/support.ts";

/** Two views of every source, moved by some pixels, in stripes of eight regions. */
export function batchOf(sources: number, height: number, width: number): MixedBatch {
  const random = randomStream(1, "bench", "paper");
  const count = 2 * sources, size = height * width;
  const copies = Array.from({ length: count }, (_, mixed): Copy => {
    const [dx, dy] = [random.uniform(-20, 20), random.uniform(-9, 9)];
    const transform = Float64Array.of(1, 0, dx, 0, 1, dy, 0, 0, 1);
    return { mixed, source: mixed % sources, region: -1, transform };
  });
  const at = (i: number) => Math.floor(i / size);
  return {
    count,
    height,
    width,
    images: new Float32Array(count * size * 3).map(() => random.uniform(-2, 2)),
    copyIds: new Int32Array(count * size).map((_, i) => at(i)),
    regionIds: new Int32Array(count * size).map((_, i) =>
      8 * (at(i) % sources) + Math.floor(8 * (i % width) / width)
    ),
    copies,
    regionOffsets: Int32Array.from({ length: sources + 1 }, (_, i) => 8 * i),
  };
}

async function torch(
  { height, width, mix }: Preset,
  accumulate: number,
  threads: number,
): Promise<Record<string, number>> {
  const python = Deno.env.get("CPCDR_PYTHON") ?? "/usr/bin/python3";
  const script = fromFileUrl(new URL("torch_paper_step.py", import.meta.url));
  const args = ["-B", script, String(2 * mix.sources / accumulate), String(accumulate)];
  const { stdout } = await new Deno.Command(python, {
    args: [...args, String(height), String(width), String(threads)],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The value after an option of the command line. */
function option(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
}

function presetOption(): Preset {
  const name = option("preset") ?? "paper";
  if (name in PRESETS) return PRESETS[name as PresetName];
  throw new ConfigError(
    `Cannot run the step: expected --preset ${Object.keys(PRESETS).join(", ")}, got ${name}`,
  );
}

function deviceOption(): DeviceName {
  const name = option("device") ?? "cpu";
  if (name === "cpu" || name === "webgpu" || name === "cuda") return name;
  throw new ConfigError(`Cannot run the step: expected --device cpu, webgpu or cuda, got ${name}`);
}

/** Bytes of GPU memory that the engine has taken; undefined where tensors are on the host. */
function gpuBytes(): number | undefined {
  const { poolIdleBytes, poolLentBytes } = tf.memory() as unknown as Record<string, number>;
  return tf.getBackend() === "webgpu" ? poolIdleBytes + poolLentBytes : undefined;
}

async function main(): Promise<void> {
  const accumulate = Number(option("accumulate") ?? 1);
  const rounds = Deno.args.includes("--rounds") ? roundsOption(1) : 0;
  const device = await useDevice(deviceOption(), {
    precision: Deno.args.includes("--mixed") ? "mixed" : "float32",
  });
  const preset = presetOption(), { height, width, mix } = preset;
  const asksPeer = Deno.args.includes("--peer");
  if (asksPeer && preset !== PRESETS.paper) {
    throw new ConfigError("Cannot compare the step: expected --preset paper with --peer");
  }
  const config = { ...preset.pretrain, accumulate };
  const batch = batchOf(mix.sources, height, width);
  const plan = memoryPlan(config, batch, countParameters(config));
  console.error(device.detail);
  console.error(memoryLine(plan, config, batch));
  const pretrainer = new Pretrainer(config, 1);
  await forgetPeak(Deno.pid);
  const times: number[] = [];
  let loss = NaN, first = NaN;
  for (let step = 0; step <= rounds; step++) {
    const started = performance.now();
    ({ loss } = await pretrainer.step(batch, step));
    const seconds = (performance.now() - started) / 1000;
    console.error(`step ${step}: ${seconds.toFixed(3)} s, loss ${loss}`);
    if (step === 0) first = seconds;
    if (step > 0 || rounds === 0) times.push(seconds);
  }
  const seconds = times.sort((a, b) => a - b)[times.length >> 1];
  const peak = gpuBytes() ?? await peakBytes(Deno.pid);
  pretrainer.dispose();
  const result = {
    device: device.detail,
    accumulate,
    threads: device.threads,
    seconds,
    first,
    loss,
    peakGiB: peak && peak / 2 ** 30,
    planGiB: plan.total / 2 ** 30,
  };
  console.error(JSON.stringify(result));
  const peer = asksPeer ? await torch(preset, accumulate, device.threads) : undefined;
  console.log(JSON.stringify({ ...result, peer }));
}

if (import.meta.main) await runBench(main);
