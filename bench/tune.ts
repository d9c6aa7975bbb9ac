/**
 * Which tiles make matrix products and convolutions fastest on the GPU at hand. Writes the table that the
 * WebGPU engine chooses by.
 *
 *     deno run -A bench/tune.ts [--seconds N] [--out FILE] [--peak TFLOPS] [--largest GFLOP]
 *
 * Each shape of our models, forward and both gradients, is tried with every block that won among its size on
 * large products, and without blocks; then 3 x 3 convolutions by Winograd's tiles. Results must agree. --seconds, 60, is
 * when to stop with blocks, a quarter of it more for Winograd's tiles.
 * --out is lib/engine/webgpu/tile_table.ts on a GPU, and must be given on a software adapter, whose table that
 * is not. --peak adds the share of it; --largest leaves out what takes more operations. The last line is JSON.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { parseArgs } from "node:util";
import { fromFileUrl } from "@std/path";
import { findAdapter } from "../lib/engine/webgpu/adapter.ts";
import { WebGpuBackend } from "../lib/engine/webgpu/backend.ts";
import { openDevice } from "../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../lib/engine/webgpu/register.ts";
import { DeviceError, DeviceMemoryError } from "../lib/errors.ts";
import { runBench } from "./peers/support.ts";
import { nameOf } from "./tune/candidates.ts";
import { type Case, convolutionCases, productCases } from "./tune/cases.ts";
import { GpuClock } from "./tune/clock.ts";
import { convolutions, PRODUCTS } from "./tune/shapes.ts";
import { tableSource } from "./tune/table.ts";
import { Tuner } from "./tune/tuner.ts";
import { bestSizes, compareWinograd } from "./tune/winograd.ts";

const TABLE = fromFileUrl(new URL("../lib/engine/webgpu/tile_table.ts", import.meta.url));

/** Of the time for blocks, what the comparison with Winograd's tiles may take after it. */
const WINOGRAD_SHARE = 0.25;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seconds: { type: "string", default: "60" },
      out: { type: "string" },
      peak: { type: "string" },
      largest: { type: "string" },
    },
  });
  const started = performance.now(), deadline = started + 1000 * Number(values.seconds);
  const probe = await findAdapter();
  if (!probe.found) throw new DeviceError(`Cannot tune: ${probe.reason}`);
  const { found } = probe;
  const path = values.out ?? (found.class === "gpu" ? TABLE : undefined);
  if (!path) {
    throw new DeviceError(
      `Cannot write the table of GPUs: expected one, got ${found.description}; name another file with --out`,
    );
  }
  const device = await openDevice(found, { features: ["timestamp-query"] });
  registerWebGpuBackend(device);
  await tf.setBackend("webgpu");
  using clock = new GpuClock(device.handle);
  console.error(`${found.description}, ${clock.exact ? "by timestamps" : "by the wall's clock"}`);
  const backend = tf.backend() as WebGpuBackend;
  const tuner = new Tuner(backend, clock, {
    deadline,
    limits: device.handle.limits,
    peak: Number(values.peak ?? 0),
  });
  const largest = 1e9 * Number(values.largest ?? Infinity);
  const small = ({ operations }: Case) => operations <= largest;
  const products = productCases(PRODUCTS).filter(small);
  await tuner.preselect(products.slice(0, 3));
  const rest = [
    ...products.slice(3),
    ...scattered(convolutions()).flatMap(convolutionCases).filter(small),
  ];
  const tried: Case[] = [];
  let left = 0;
  for (const one of rest) {
    if (performance.now() > deadline) {
      left++;
      continue;
    }
    try {
      await tuner.tune(one);
      tried.push(one);
    } catch (error) {
      if (!(error instanceof DeviceMemoryError)) throw error;
      console.error(`${one.name}: not tried, ${error.message}`);
    }
  }
  const choices = tuner.choices();
  const comparisons = await compareWinograd(backend, clock, tried, {
    choices,
    deadline: performance.now() + WINOGRAD_SHARE * (deadline - started),
    wrong: tuner.wrong,
  });
  const winograd = bestSizes(comparisons);
  await Deno.writeTextFile(path, tableSource(choices, winograd, found.description));
  console.error(`${choices.length} shapes in ${path}, ${left} left out for want of time`);
  console.log(JSON.stringify({
    adapter: found.description,
    seconds: (performance.now() - started) / 1000,
    left,
    wrong: tuner.wrong,
    teraflops: tuner.fastest,
    blocks: [...new Set(choices.map(({ block }) => nameOf(block)))],
    winograd,
  }));
  if (tuner.wrong.length > 0) Deno.exit(1);
}

/** Every fourth of them first: where time ends early, all sizes are among what was tried. */
function scattered<T>(all: readonly T[]): T[] {
  return [0, 1, 2, 3].flatMap((first) => all.filter((_, i) => i % 4 === first));
}

if (import.meta.main) await runBench(main);
