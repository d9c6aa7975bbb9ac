/**
 * One training step of preset `paper` on the CPU engine: seconds and the most memory that the process held.
 *
 *     deno run -A bench/paper_step.ts [--accumulate N] [--peer]
 *
 * The step is that of the contrastive stage on a mixed batch of 8 random sources, forward, backward and SGD. With
 * `--peer` PyTorch then takes as many forward and backward passes through the same network (bench/torch_paper_step.py).
 * The last line of stdout is JSON.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { useDevice } from "../lib/engine/device.ts";
import { countParameters } from "../lib/pretrain/encoder.ts";
import { memoryLine, memoryPlan } from "../lib/pretrain/memory_plan.ts";
import { Pretrainer } from "../lib/pretrain/pretrainer.ts";
import { randomStream } from "../lib/random.ts";
import type { Copy, MixedBatch } from "../lib/records.ts";
import { PRESETS } from "../lib/run/presets.ts";
import { forgetPeak, peakBytes } from "./peers/support.ts";

const { height, width, mix, pretrain } = PRESETS.paper;

/** Two views of every source, moved by some pixels, in stripes of eight regions. */
function batchOf(sources: number): MixedBatch {
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

async function torch(accumulate: number, threads: number): Promise<Record<string, number>> {
  const python = Deno.env.get("CPCDR_PYTHON") ?? "/usr/bin/python3";
  const script = fromFileUrl(new URL("torch_paper_step.py", import.meta.url));
  const args = ["-B", script, String(2 * mix.sources / accumulate), String(accumulate)];
  const { stdout } = await new Deno.Command(python, {
    args: [...args, String(height), String(width), String(threads)],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function main(): Promise<void> {
  const at = Deno.args.indexOf("--accumulate");
  const accumulate = at < 0 ? 1 : Number(Deno.args[at + 1]);
  const device = await useDevice("cpu");
  const config = { ...pretrain, accumulate };
  const batch = batchOf(mix.sources);
  const plan = memoryPlan(config, batch, countParameters(config));
  console.error(device.detail);
  console.error(memoryLine(plan, config, batch));
  const pretrainer = new Pretrainer(config, 1);
  await forgetPeak(Deno.pid);
  const started = performance.now();
  const { loss } = await pretrainer.step(batch, 0);
  const seconds = (performance.now() - started) / 1000;
  const peak = await peakBytes(Deno.pid);
  pretrainer.dispose();
  const result = {
    accumulate,
    threads: device.threads,
    seconds,
    loss,
    peakGiB: peak && peak / 2 ** 30,
    planGiB: plan.total / 2 ** 30,
  };
  console.error(JSON.stringify(result));
  const peer = Deno.args.includes("--peer") ? await torch(accumulate, device.threads) : undefined;
  console.log(JSON.stringify({ ...result, peer }));
}

if (import.meta.main) await main();
