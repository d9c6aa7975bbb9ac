/**
 * Our WebGPU engine and tfjs-backend-webgpu on the same adapter: matrix products, the models'
 * convolutions, and a whole training step; webgpu_compare.ts says how.
 *
 *     deno run -A bench/peers/webgpu.ts [--rounds N]
 *
 * @module
 */
import { DeviceError } from "../../lib/errors.ts";
import { type Case, compared, roundsOption, runPeerBench } from "./support.ts";
import { caseName, SMALL_CASES } from "./webgpu_cases.ts";
import { compareCases, PEER } from "./webgpu_compare.ts";

const ROUNDS = 7;

async function main(): Promise<Case[]> {
  const results: Case[] = [];
  for await (
    const { case: one, ours, peer, failure } of compareCases(SMALL_CASES, roundsOption(ROUNDS))
  ) {
    if (failure) throw new DeviceError(`Cannot compare ${caseName(one)}: ${failure}`);
    const result = compared(caseName(one), "s", ours, peer, PEER);
    console.error(`${result.name}: ${result.ratio.toFixed(2)}`);
    results.push(result);
  }
  return results;
}

if (import.meta.main) await runPeerBench(main);
