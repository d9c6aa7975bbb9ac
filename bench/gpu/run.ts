/**
 * Everything about the CUDA library that only a GPU can tell: whether its kernels answer what the CPU library and
 * plain loops answer, whether compute-sanitizer finds fault with them, and how fast they are. Prints a report in
 * Markdown; progress goes to stderr.
 *
 *     deno run -A bench/gpu/run.ts [--checks] [--rounds N]
 *
 * A library that is older than its sources is built first, where nvcc is. --checks leaves out the build, the
 * sanitizers and the timings. Ends with 1 where there is no GPU, or a check fails.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import { describeCuda, probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { CpcdrError } from "../../lib/errors.ts";
import { buildCuda, cudaSourceHash } from "../../native/build_cuda.ts";
import { prebuiltFolder, readManifest } from "../../native/build_support.ts";
import { checkKernels } from "./checks.ts";
import { timeKernels } from "./timings.ts";

const SCRIPT = fromFileUrl(import.meta.url);
const SANITIZERS = ["memcheck", "racecheck"];

async function main(): Promise<boolean> {
  const quick = Deno.args.includes("--checks");
  const shipped = (await readManifest(prebuiltFolder()))?.cuda;
  if (!quick && shipped?.sourceHash !== await cudaSourceHash()) {
    console.error(await buildCuda(false));
  }
  const probe = probeCuda();
  const { library, devices: [device] } = probe;
  if (!library || !device) {
    console.log(`No GPU to measure on: ${describeCuda(probe)}; ${probe.remedy}`);
    return false;
  }
  const native = sharedLibrary();
  if (!native) throw new Error("the CPU library, which results are compared to, is missing");
  console.log(`# CUDA kernels on ${device.name}\n`);
  console.log(`${describeCuda(probe)}. Compared with the CPU library (${native.isa}).\n`);
  console.log("## Checks\n\n| check | cases | result |\n|---|---|---|");
  let good = true;
  using engine = new CudaEngine(library, device);
  for (const { name, cases, failure } of checkKernels(library, engine, native, quick ? 8 : 100)) {
    good &&= failure === undefined;
    console.log(`| ${name} | ${cases} | ${failure ?? "agrees"} |`);
  }
  if (quick) return good;
  for (const tool of SANITIZERS) {
    const { result, passed } = await sanitize(tool);
    good &&= passed;
    console.log(`| the same under compute-sanitizer ${tool} | | ${result} |`);
  }
  const rounds = Number(Deno.args[Deno.args.indexOf("--rounds") + 1]) || 20;
  console.log("\n## Times\n\nMedians on the device, arrays there already.\n");
  console.log("| kernel | ms | of what is possible | against |\n|---|---|---|---|");
  for await (const { name, milliseconds, share, peer } of timeKernels(library, device, rounds)) {
    console.log(`| ${name} | ${milliseconds.toFixed(3)} | ${share} | ${peer} |`);
  }
  return good;
}

/** The checks once more in a process of their own under one of compute-sanitizer's tools. */
async function sanitize(tool: string): Promise<{ result: string; passed: boolean }> {
  const command = Deno.env.get("COMPUTE_SANITIZER") ?? "compute-sanitizer";
  const options = ["--tool", tool, "--error-exitcode", "3"];
  try {
    const { code, stdout } = await new Deno.Command(command, {
      args: [...options, Deno.execPath(), "run", "-A", SCRIPT, "--checks"],
      stdout: "piped",
      stderr: "inherit",
    }).output();
    if (code === 0) return { result: "no fault", passed: true };
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    const summary = lines.findLast((line) => /ERROR SUMMARY|RACECHECK SUMMARY/.test(line));
    return { result: `**fails with ${code}**: ${summary ?? lines.at(-1)}`, passed: false };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { result: `not run: ${command} is not installed`, passed: true };
  }
}

if (import.meta.main) {
  try {
    if (!await main()) Deno.exit(1);
  } catch (error) {
    if (!(error instanceof CpcdrError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
