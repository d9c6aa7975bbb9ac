/**
 * `doctor`: tells every engine, whether it works here, and how fast it is.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { useDevice } from "../../engine/device.ts";
import { openLibrary } from "../../engine/native/library.ts";
import { ABI_VERSION } from "../../engine/native/symbols.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions } from "./common.ts";
import { hotKernelSpeeds } from "./hot_kernels.ts";

const SIZE = 768;
const ROUNDS = 5;

/** Runs the command. */
export async function doctor(options: CommonOptions): Promise<void> {
  const probe = openLibrary();
  const device = await useDevice("cpu");
  const speed = await matmulSpeed();
  const engines = [
    {
      engine: "cpu",
      available: true,
      detail: device.detail,
      gflops: speed,
      remedy: probe.library ? "" : probe.reason,
    },
    {
      engine: "webgpu",
      available: false,
      detail: "not part of this version",
      gflops: 0,
      remedy: "use --device cpu",
    },
    {
      engine: "cuda",
      available: false,
      detail: "not part of this version",
      gflops: 0,
      remedy: "use --device cpu",
    },
  ];
  const rows = engines.map(({ engine, available, detail, gflops, remedy }) => [
    engine,
    available ? "yes" : "no",
    detail,
    gflops ? gflops.toFixed(0) : "-",
    remedy,
  ]);
  const library = probe.library &&
    { path: probe.library.path, abi: ABI_VERSION, isa: probe.library.isa, threads: device.threads };
  const hotKernels = probe.library ? hotKernelSpeeds(probe.library) : [];
  const text = [textTable(["engine", "works", "what", "GFLOP/s", "how to get more"], rows)];
  if (library) {
    const speeds = hotKernels.map(({ kernel, milliseconds, plainMilliseconds, ratio }) => [
      kernel,
      milliseconds.toFixed(2),
      plainMilliseconds.toFixed(1),
      ratio.toFixed(1),
    ]);
    text.push(
      `library ${library.path}, ABI ${library.abi}, ${library.isa}`,
      textTable(["kernel", "library ms", "TypeScript ms", "times as fast"], speeds),
    );
  }
  answer(options, { deno: Deno.version.deno, engines, library, hotKernels }, text.join("\n\n"));
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
