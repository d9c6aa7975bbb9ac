/**
 * The CUDA library: whether its kernels answer what the CPU library and plain loops answer, and how fast they are.
 * Prints tables in Markdown; progress goes to stderr.
 *
 *     deno run -A bench/gpu/cuda.ts [--checks] [--rounds N]
 *
 * A library that is older than its sources is built first, where nvcc is. --checks does a few of the checks and
 * nothing else. Ends with 1 where there is no GPU, or a check fails.
 *
 * @module
 */

import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import { describeCuda, probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { CpcdrError } from "../../lib/errors.ts";
import { buildCuda, cudaSourceHash } from "../../native/build_cuda.ts";
import { readManifest } from "../../native/build_support.ts";
import { prebuiltFolder } from "../../native/targets.ts";
import { checkKernels } from "./checks.ts";
import { timeKernels } from "./timings.ts";

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
  console.log(`${describeCuda(probe)}. Compared with the CPU library (${native.isa}).\n`);
  console.log("| check | cases | result |\n|---|---|---|");
  let good = true;
  using engine = new CudaEngine(library, device);
  for (const { name, cases, failure } of checkKernels(library, engine, native, quick ? 8 : 60)) {
    good &&= failure === undefined;
    console.log(`| ${name} | ${cases} | ${failure ?? "agrees"} |`);
  }
  if (quick) return good;
  const rounds = Number(Deno.args[Deno.args.indexOf("--rounds") + 1]) || 20;
  console.log("\nTimes: medians on the device, arrays there already.\n");
  console.log("| kernel | ms | of what is possible | against |\n|---|---|---|---|");
  for await (const { name, milliseconds, share, peer } of timeKernels(library, device, rounds)) {
    console.log(`| ${name} | ${milliseconds.toFixed(3)} | ${share} | ${peer} |`);
  }
  return good;
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
