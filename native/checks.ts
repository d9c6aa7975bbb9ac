/**
 * Builds and runs the C++ checks of native/test.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import { basename, join } from "@std/path";
import { compile } from "./build_cpu.ts";
import { BUILD, ROOT, run, sources } from "./build_support.ts";
import { HERE, lackOf, type Target, TARGETS } from "./targets.ts";

const MEMORY = "address,undefined";
const SANITIZERS: Record<string, string[]> = {
  [MEMORY]: [`-fsanitize=${MEMORY}`, "-fno-sanitize-recover=all"],
  thread: ["-fsanitize=thread"],
};
/** Those of x86-64. */
const INSTRUCTION_SETS = ["baseline", "avx2", "avx512"];
/** How long the slice of the fuzz loop is that runs with the other checks, in seconds. */
const FUZZ_SLICE_SECONDS = 20;

/** Where a sanitizer's objects go, and its flags. */
function sanitized(name: string): { folder: string; extra: string[] } {
  const folder = join(BUILD, name.replace(",", "_"));
  const defines = [
    // bfloat16 in plain C, so that what surrounds it is checked on every machine.
    "-DCPCDR_EMULATED_BFLOAT16",
    // Small maps have seams, and batches of some thousand pixels are streamed.
    "-DCPCDR_STRIP_PIXELS=512",
    "-DCPCDR_STREAMED_BYTES=65536",
  ];
  return { folder, extra: [...SANITIZERS[name], "-O1", "-g", ...defines] };
}

/**
 * Makes a program of the checks. Of an inline function that both have, the objects' copy is kept.
 *
 * @param own flags of the check itself, where they differ from its objects'.
 */
async function link(
  target: Target,
  flags: readonly string[],
  source: string,
  objects: readonly string[],
  program: string,
  own = flags,
): Promise<void> {
  const object = `${program}.o`;
  await run(target.compiler, ["-std=c++17", ...own, "-c", source, "-o", object]);
  await run(target.compiler, [...flags, ...objects, object, "-lpthread", "-o", program]);
}

/** Checks every source on one core each, as many at a time as there are, and says what comes of it in their order. */
async function checkEach(
  sources: readonly string[],
  check: (source: string) => Promise<string[]>,
): Promise<void> {
  const results = pooledMap(navigator.hardwareConcurrency, sources, check);
  for await (const lines of results) console.log(lines.join("\n"));
}

/** Fuzzes the ABI, a third of the time on each instruction set. @throws when a call fails. */
export async function fuzz(seconds: number): Promise<void> {
  const { folder, extra } = sanitized(MEMORY);
  const objects = await compile(HERE, folder, extra);
  const source = join(ROOT, "test", "fuzz.cpp"), program = join(folder, "fuzz");
  await link(HERE, extra, source, objects, program);
  for (const isa of INSTRUCTION_SETS) {
    const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
    console.log(`fuzz: ${await run(program, [String(seconds / INSTRUCTION_SETS.length)], env)}`);
  }
}

/** Builds and runs the C++ checks under each sanitizer. */
async function testHere(): Promise<void> {
  for (const name of Object.keys(SANITIZERS)) {
    const { folder, extra } = sanitized(name);
    const objects = await compile(HERE, folder, extra);
    await checkEach(await sources(/_test\.cpp$/, "test"), async (source) => {
      const program = join(folder, basename(source, ".cpp"));
      // What the CUDA library does is the same on every level of the CPU library.
      const emulated = basename(source).startsWith("cuda_");
      // A convolution's plain loops take minutes when they are watched, and have no threads.
      const own = name === "thread" && basename(source) === "conv_test.cpp" ? ["-O2"] : extra;
      await link(HERE, extra, source, objects, program, own);
      const lines: string[] = [];
      for (const isa of emulated ? ["avx512"] : INSTRUCTION_SETS) {
        const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
        lines.push(`${name}: ${await run(program, [emulated ? "20" : "60"], env)}`);
      }
      return lines;
    });
  }
}

/** Runs the C++ checks of another platform's library, without sanitizers, where there is what that takes. */
async function testForeign(target: Target): Promise<void> {
  const { platform, compiler, runner: [runner, ...args], environment } = target;
  // A Windows has none of the compiler's libraries.
  const [suffix, flags] = platform.startsWith("windows-")
    ? [".exe", ["-O1", "-static"]]
    : ["", ["-O1"]];
  const isas = platform.endsWith("-x86_64") ? INSTRUCTION_SETS : [""];
  const lack = await lackOf(target, compiler, runner);
  if (lack) return console.log(`${platform}: left out, since ${lack}`);
  const folder = join(BUILD, "test", platform);
  const objects = await compile(target, folder, ["-DCPCDR_STRIP_PIXELS=512"]);
  await checkEach(await sources(/^(?!cuda_).*_test\.cpp$/, "test"), async (source) => {
    const program = join(folder, basename(source, ".cpp") + suffix);
    await link(target, flags, source, objects, program);
    const lines: string[] = [];
    for (const isa of isas) {
      const env = { ...environment, CPCDR_ISA: isa, CPCDR_THREADS: "3" };
      lines.push(`${platform}: ${await run(runner, [...args, program, "60"], env)}`);
    }
    return lines;
  });
}

/** All checks, and a slice of the fuzz loop. @throws when one fails. */
export async function runChecks(): Promise<void> {
  await testHere();
  for (const target of TARGETS) if (target !== HERE) await testForeign(target);
  await fuzz(FUZZ_SLICE_SECONDS);
}
