/**
 * Where a run is made, for its report, and the commands that make it again.
 *
 * @module
 */

import { cpus } from "node:os";
import { join } from "@std/path";
import * as tf from "@tensorflow/tfjs-core";
import meta from "../../deno.json" with { type: "json" };
import type { Precision } from "../engine/precision.ts";
import type { NativeBackend } from "../engine/native/backend.ts";
import { CudaEngine } from "../engine/native/cuda_engine.ts";
import { hotLibrary } from "../engine/native/hot.ts";
import { sharedLibrary } from "../engine/native/library.ts";
import { ABI_VERSION } from "../engine/native/symbols.ts";
import type { WebGpuBackend } from "../engine/webgpu/backend.ts";

/** The `--device` that tensors live on now. */
export function deviceInUse(): "cpu" | "webgpu" | "cuda" {
  if (tf.getBackend() === "webgpu") return "webgpu";
  return hotLibrary() instanceof CudaEngine ? "cuda" : "cpu";
}

/** The `--precision` of convolutions now. */
export function precisionInUse(): Precision {
  const { precision = "float32" } = tf.backend() as Partial<NativeBackend | WebGpuBackend>;
  return precision;
}

/**
 * Names and values of the environment.
 *
 * @param seconds that the process has worked, where they are known.
 */
export function environmentRows(device: string | undefined, seconds?: number): [string, string][] {
  const library = sharedLibrary();
  const native = library && tf.getBackend() === "native";
  const threads = native ? library.symbols.cpcdr_threads() : 1;
  const now = new Date();
  const rows: [string, string][] = [
    ["device", device ?? deviceInUse()],
    ["engine", tf.getBackend()],
    ["precision", precisionInUse()],
    ["threads", `${threads} of ${navigator.hardwareConcurrency}`],
    ["processor", told(() => cpus()[0].model.trim())],
    ["system", `${Deno.build.os} ${told(Deno.osRelease)}, ${Deno.build.arch}`],
    ["cpcdr", meta.version],
    ["Deno", `${Deno.version.deno} (V8 ${Deno.version.v8})`],
    ["tfjs-core", tf.version_core],
  ];
  if (library) rows.push(["native library", `ABI ${ABI_VERSION}, ${library.isa}`]);
  if (seconds !== undefined) {
    rows.push(["began", utc(new Date(now.getTime() - 1000 * seconds))]);
  }
  rows.push(["report written", utc(now)]);
  return rows;
}

/** The command that makes a run from its beginning, from the configuration that its folder keeps. */
export function repeatCommand(folder: string): string {
  const config = quoted(join(folder, "config.json"));
  const precision = precisionInUse() === "mixed" ? " --precision mixed" : "";
  return `deno run -A cli.ts pretrain --config ${config} --device ${deviceInUse()}${precision}`;
}

/** The command that goes on with an interrupted one. */
export function resumeCommand(folder: string): string {
  return `${repeatCommand(folder)} --resume --out ${quoted(folder)}`;
}

/** As a POSIX shell reads it. */
function quoted(path: string): string {
  return /^[\w./:+=@%-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** What the system says, where it may be asked and knows. */
function told(ask: () => string): string {
  try {
    return ask();
  } catch {
    return "unknown";
  }
}

function utc(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ") + " UTC";
}
