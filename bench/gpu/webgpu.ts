/**
 * The WebGPU engine on a GPU: products, the convolutions of preset `paper` and training steps, beside
 * tfjs-backend-webgpu on the same adapter and PyTorch in float32 without TF32 on the same card.
 *
 *     deno run -A bench/gpu/webgpu.ts [--rounds N] [--small]
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { roundsOption } from "../peers/support.ts";
import { caseFlops, caseName, GPU_CASES, SMALL_CASES } from "../peers/webgpu_cases.ts";
import { compareCases, PEER } from "../peers/webgpu_compare.ts";

/** Products and sums in float32 of a multiprocessor in a clock, from compute capability 8.6 on and of 9.0. */
const FLOPS_A_CLOCK = 256;

/** Operations in float32 a second at the card's highest clock; undefined where nothing tells. */
async function peakFlops(): Promise<number | undefined> {
  const { devices: [device] } = probeCuda();
  if (!device) return undefined;
  try {
    const args = ["--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits"];
    const { stdout } = await new Deno.Command("nvidia-smi", { args }).output();
    const megahertz = parseFloat(new TextDecoder().decode(stdout));
    return device.multiprocessors * FLOPS_A_CLOCK * megahertz * 1e6;
  } catch {
    return undefined;
  }
}

/** Milliseconds in PyTorch by the name of the case; none where there is no PyTorch with CUDA. */
async function torchTimes(rounds: number): Promise<Record<string, number>> {
  const python = Deno.env.get("CPCDR_PYTHON") ?? "python3";
  const script = fromFileUrl(new URL("torch_kernels.py", import.meta.url));
  const cases = GPU_CASES.map((one) => ({ ...one, name: caseName(one) }));
  try {
    const { success, stdout } = await new Deno.Command(python, {
      args: ["-B", script, JSON.stringify(cases), String(rounds)],
      stderr: "inherit",
    }).output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : {};
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return {};
  }
}

const rounds = roundsOption(5);
const cases = Deno.args.includes("--small") ? SMALL_CASES : GPU_CASES;
const [peak, torch] = [await peakFlops(), await torchTimes(rounds)];
const share = peak ? `, of ${(peak / 1e12).toFixed(1)} TFLOP/s` : "";
console.log(`Medians of ${rounds} rounds, milliseconds, the wait for the GPU included.\n`);
console.log(`| case | ours | ${PEER} | ratio | TFLOP/s${share} | PyTorch float32 |`);
console.log("|---|---|---|---|---|---|");
for await (const { case: one, ours, peer, failure } of compareCases(cases, rounds)) {
  const name = caseName(one), flops = caseFlops(one), theirs = torch[name];
  if (failure) Deno.exitCode = 1;
  const figure = (seconds: number) => isNaN(seconds) ? "" : (seconds * 1000).toFixed(3);
  const ratio = isNaN(ours) ? "" : (peer / ours).toFixed(2);
  const speed = flops && !isNaN(ours) ? (flops / ours / 1e12).toFixed(2) : "";
  const part = speed && peak ? `, ${(100 * flops! / ours / peak).toFixed(1)}%` : "";
  console.log(
    `| ${name}${failure ? ` **failed**: ${failure.replaceAll("|", "/")}` : ""} | ${figure(ours)} ` +
      `| ${figure(peer)} | ${ratio} | ${speed}${part} | ${theirs?.toFixed(3) ?? ""} |`,
  );
}
