/**
 * What every kernel of the CUDA library's calls takes, in Markdown: labelling of every kind of map in the larger batch,
 * compositing, similarity and the prototype loss in float32 and TF32. Each call runs twice, of which the second tells.
 *
 *     deno run -A bench/gpu/kernels.ts [labels,composite,loss] [--once]
 *
 * `--once` runs each call once and tells nothing, for a profiler to look on.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import {
  type CudaDevice,
  type CudaLibrary,
  probeCuda,
} from "../../lib/engine/native/cuda_library.ts";
import {
  type Call,
  CallBench,
  compositeCall,
  LABEL_BATCHES,
  labelCalls,
  lossArrays,
  lossCall,
  precisionsOf,
  similarityCall,
} from "./calls.ts";
import { Mixing } from "./mixing.ts";

type Run = (bench: CallBench, name: string, call: Call) => void;

const GROUPS: Readonly<
  Record<string, (library: CudaLibrary, device: CudaDevice, run: Run) => void>
> = {
  labels(library, device, run) {
    using bench = new CallBench(library, device);
    for (const { name, batch, call } of labelCalls(bench)) {
      if (batch === Math.max(...LABEL_BATCHES)) {
        run(bench, `labels of ${batch} maps, ${name}`, call);
      }
    }
  },
  composite(library, device, run) {
    using engine = new CudaEngine(library, device);
    using bench = new CallBench(library, device);
    run(bench, "compositing", compositeCall(bench, new Mixing(engine).draw(0)));
  },
  loss(library, device, run) {
    const arrays = lossArrays();
    for (const [number, precision] of precisionsOf(device).entries()) {
      using bench = new CallBench(library, device);
      bench.setPrecision(number);
      run(bench, `similarity in ${precision}`, similarityCall(bench, arrays));
      run(bench, `prototype loss in ${precision}`, lossCall(bench, arrays));
    }
  },
};

/** The library tells of kernels on stderr, which a process of its own writes. */
const TOLD = "--told";

async function main(): Promise<boolean> {
  const names = Deno.args.find((arg) => !arg.startsWith("--"))?.split(",") ?? Object.keys(GROUPS);
  const unknown = names.filter((name) => !(name in GROUPS));
  if (unknown.length > 0) {
    console.error(`Cannot run ${unknown.join(", ")}: expected ${Object.keys(GROUPS).join(", ")}`);
    return false;
  }
  const { library, devices: [device], reason } = probeCuda();
  if (!library || !device) {
    console.error(`No GPU to run on: ${reason}`);
    return false;
  }
  const runAll = (run: Run) => names.forEach((name) => GROUPS[name](library, device, run));
  if (Deno.args.includes("--once")) {
    runAll((bench, _name, call) => bench.run(call));
  } else if (Deno.args.includes(TOLD)) {
    runAll((bench, name, call) => {
      bench.run(call);
      console.error(`call: ${name}`);
      bench.run(call);
      console.error("end");
    });
  } else {
    library.close();
    return await tell(names);
  }
  return true;
}

/** Runs all in a process that is traced, and prints a table of each call's kernels. */
async function tell(names: readonly string[]): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fromFileUrl(import.meta.url), names.join(","), TOLD],
    env: { CPCDR_CUDA_TRACE: "1" },
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  for (const [, name, lines] of text.matchAll(/^call: (.+)\n([^]*?)^end$/gm)) {
    const kernels = [...lines.matchAll(/^trace: ([\d.]+) ms, (\d+) blocks, ([^;\n]+)/gm)];
    const sum = kernels.reduce((sum, [, milliseconds]) => sum + Number(milliseconds), 0);
    console.log(`\n${name}: ${sum.toFixed(3)} ms\n\n| kernel | blocks | ms |\n|---|---|---|`);
    for (const [, milliseconds, blocks, kernel] of kernels) {
      console.log(`| ${kernel.replace(/cpcdr::(shared::)?/g, "")} | ${blocks} | ${milliseconds} |`);
    }
  }
  console.log("\nWarm, each kernel between two events, some 5 us of which are theirs.");
  if (!success) console.error(text);
  return success;
}

if (import.meta.main && !await main()) Deno.exit(1);
