/**
 * Builds the native libraries that ship with the module, and their manifest.
 *
 *     deno run -A native/build.ts            builds native/prebuilt/<os>-<arch>/, for all platforms it can
 *     deno run -A native/build.ts --cpu      the CPU library alone; --cuda the CUDA library alone
 *     deno run -A native/build.ts --check    rebuilds beside it; fails when what ships is stale
 *     deno run -A native/build.ts --test     builds and runs native/test under ASan+UBSan and TSan
 *     deno run -A native/build.ts --fuzz-minutes=N   random calls of the whole ABI under ASan+UBSan for N minutes
 *
 * A C++ compiler (`CXX`, else g++) is all that the CPU library needs. The CUDA library needs nvcc (`NVCC`), other
 * platforms the compilers of native/targets.ts; what there is no compiler for is left out in one line.
 *
 * @module
 */

import { checkCpu, shipCpu } from "./build_cpu.ts";
import { buildCuda, checkCuda } from "./build_cuda.ts";
import { fuzz, runChecks } from "./checks.ts";
import { HERE, TARGETS } from "./targets.ts";

/** Says in one line whether a library is up to date; answers whether it is. */
function report(library: string, differences: readonly string[], remedy: string): boolean {
  if (differences.length === 0) {
    console.log(`prebuilt ${library} library: matches its sources`);
    return true;
  }
  console.error(`prebuilt ${library} library: ${differences.join("; ")}; run: ${remedy}`);
  return false;
}

if (import.meta.main) {
  const wants = (option: string) => Deno.args.includes(option);
  const fuzzOption = Deno.args.find((option) => option.startsWith("--fuzz-minutes="));
  const minutes = fuzzOption === undefined ? undefined : Number(fuzzOption.split("=")[1]);
  if (wants("--check")) {
    const good = [report("CUDA", await checkCuda(), "deno task build:native --cuda")];
    for (const target of TARGETS) {
      const library = target === HERE ? "CPU" : `CPU (${target.platform})`;
      good.push(report(library, await checkCpu(target), "deno task build:native"));
    }
    if (good.includes(false)) Deno.exit(1);
  } else if (wants("--test")) {
    await runChecks();
  } else if (minutes !== undefined) {
    if (!(minutes > 0)) throw new Error(`Cannot fuzz: expected --fuzz-minutes=N above 0`);
    await fuzz(60 * minutes);
  } else {
    if (!wants("--cuda")) { for (const target of TARGETS) await shipCpu(target); }
    if (!wants("--cpu")) console.log(await buildCuda(wants("--cuda")));
  }
}
