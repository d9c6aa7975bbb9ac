/**
 * Every kernel of the CUDA library's calls, as a trace on stderr: labelling of every kind of map in the larger batch,
 * compositing, the prototype loss in float32 and TF32.
 *
 *     deno run -A bench/gpu/kernels.ts [--once] [labels,composite,loss]
 *
 * Each call runs twice, of which the second tells what a warm one takes. `--once` runs each once and traces nothing,
 * for a profiler to look on.
 *
 * @module
 */

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
} from "./calls.ts";
import { Mixing } from "./mixing.ts";

const once = Deno.args.includes("--once");

function trace(bench: CallBench, name: string, call: Call): void {
  console.error(`kernels of ${name}:`);
  bench.run(call);
  if (once) return;
  console.error("warm:");
  bench.run(call);
}

const GROUPS: Readonly<Record<string, (library: CudaLibrary, device: CudaDevice) => void>> = {
  labels(library, device) {
    using bench = new CallBench(library, device);
    for (const { name, batch, call } of labelCalls(bench)) {
      if (batch === Math.max(...LABEL_BATCHES)) trace(bench, `labels, ${name}`, call);
    }
  },
  composite(library, device) {
    using engine = new CudaEngine(library, device);
    using bench = new CallBench(library, device);
    trace(bench, "compositing", compositeCall(bench, new Mixing(engine).draw(0)));
  },
  loss(library, device) {
    const arrays = lossArrays();
    for (const [number, precision] of ["float32", "TF32"].entries()) {
      if (number > 0 && Number(device.capability) < 8) continue;
      using bench = new CallBench(library, device);
      bench.setPrecision(number);
      trace(bench, `the prototype loss in ${precision}`, lossCall(bench, arrays));
    }
  },
};

if (!once) Deno.env.set("CPCDR_CUDA_TRACE", "1");
const { library, devices: [device], reason } = probeCuda();
if (!library || !device) {
  console.error(`No GPU to trace on: ${reason}`);
  Deno.exit(1);
}
const wanted = Deno.args.find((arg) => !arg.startsWith("--"))?.split(",") ?? Object.keys(GROUPS);
const unknown = wanted.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  console.error(`Cannot trace ${unknown.join(", ")}: expected ${Object.keys(GROUPS).join(", ")}`);
  Deno.exit(1);
}
for (const name of wanted) GROUPS[name](library, device);
