/**
 * `doctor`: tells every engine, whether it works here, and how fast it is.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { useDevice } from "../../engine/device.ts";
import { describeCuda, probeCuda } from "../../engine/native/cuda_library.ts";
import { openLibrary, provideLibrary, sharedLibrary } from "../../engine/native/library.ts";
import { fetchLibrary } from "../../engine/native/shipped.ts";
import { ABI_VERSION } from "../../engine/native/symbols.ts";
import { findAdapter, takesMixed } from "../../engine/webgpu/adapter.ts";
import { DeviceError } from "../../errors.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions, keepAnswer } from "./common.ts";
import { hotKernelSpeeds } from "./hot_kernels.ts";

const SIZE = 768;
const ROUNDS = 5;

/** What doctor tells of an engine. */
interface Finding {
  readonly engine: string;
  readonly available: boolean;
  readonly detail: string;
  readonly gflops: number;
  readonly remedy: string;
}

/** Runs the command. */
export async function doctor(options: CommonOptions): Promise<void> {
  const engines = [await examineCpu(), await examineWebGpu(), await examineCuda()];
  const rows = engines.map(({ engine, available, detail, gflops, remedy }) => [
    engine,
    available ? "yes" : "no",
    detail,
    gflops ? gflops.toFixed(0) : "-",
    remedy,
  ]);
  const library = sharedLibrary();
  const hotKernels = library ? hotKernelSpeeds(library) : [];
  const facts = library && {
    path: library.path,
    abi: ABI_VERSION,
    isa: library.isa,
    threads: library.symbols.cpcdr_threads(),
  };
  const text = [textTable(["engine", "works", "what", "GFLOP/s", "how to get more"], rows)];
  if (facts) {
    text.push(`library ${facts.path}, ABI ${facts.abi}, ${facts.isa}`, speedTable(hotKernels));
  }
  const result = { deno: Deno.version.deno, engines, library: facts, hotKernels };
  await keepAnswer(options, "doctor.json", result);
  answer(options, result, text.join("\n\n"));
}

function speedTable(speeds: ReturnType<typeof hotKernelSpeeds>): string {
  const rows = speeds.map(({ kernel, milliseconds, plainMilliseconds, ratio }) => [
    kernel,
    milliseconds.toFixed(2),
    plainMilliseconds.toFixed(1),
    ratio.toFixed(1),
  ]);
  return textTable(["kernel", "library ms", "TypeScript ms", "times as fast"], rows);
}

/** The hot kernels alone; tensors stay on the CPU. */
async function examineCuda(): Promise<Finding> {
  const problem = await fetchLibrary("cuda");
  const probe = probeCuda();
  probe.library?.close();
  const available = probe.devices.length > 0;
  const remedy = probe.library ? probe.remedy : problem ?? `${probe.reason}; ${probe.remedy}`;
  return { engine: "cuda", available, detail: describeCuda(probe), gflops: 0, remedy };
}

const MIXED = "takes --precision mixed";

async function examineCpu(): Promise<Finding> {
  const problem = await provideLibrary();
  const probe = openLibrary();
  const { detail } = await useDevice("cpu");
  return {
    engine: "cpu",
    available: true,
    detail: probe.library?.bfloat16 ? `${detail}, ${MIXED}` : detail,
    gflops: await matmulSpeed(),
    remedy: probe.library ? "" : problem ?? probe.reason,
  };
}

async function examineWebGpu(): Promise<Finding> {
  const probe = await findAdapter();
  const engine = "webgpu";
  if (!probe.found) {
    return { engine, available: false, detail: "none to be used", gflops: 0, remedy: probe.reason };
  }
  try {
    const { detail } = await useDevice("webgpu");
    const mixed = takesMixed(probe.found);
    const remedy = probe.found.class === "gpu"
      ? ""
      : "slower than cpu, and never chosen by itself: install the GPU's Vulkan driver";
    return {
      engine,
      available: true,
      detail: mixed ? `${detail}, ${MIXED}` : detail,
      gflops: await matmulSpeed(),
      remedy,
    };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const { description: detail } = probe.found;
    return { engine, available: false, detail, gflops: 0, remedy: error.message };
  }
}

/** Median speed of a matrix product, GFLOP/s. */
async function matmulSpeed(): Promise<number> {
  const a = tf.randomNormal([SIZE, SIZE]), b = tf.randomNormal([SIZE, SIZE]);
  const seconds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    const product = tf.matMul(a, b);
    await product.data();
    seconds.push((performance.now() - started) / 1000);
    product.dispose();
  }
  tf.dispose([a, b]);
  return 2 * SIZE ** 3 / seconds.sort((x, y) => x - y)[ROUNDS >> 1] / 1e9;
}
