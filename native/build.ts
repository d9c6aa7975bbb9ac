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

import { basename, join } from "@std/path";
import { pooledMap } from "@std/async/pool";
import { buildCuda, checkCuda } from "./build_cuda.ts";
import {
  BUILD,
  describe,
  exportedSymbols,
  findDifferences,
  hashSources,
  type LibraryManifest,
  modified,
  readManifest,
  ROOT,
  run,
  sources,
  updateManifest,
  versionIn,
  withHeaders,
} from "./build_support.ts";

import {
  HERE,
  isInstalled,
  levelsOf,
  libraryName,
  prebuiltFolder,
  type Target,
  TARGETS,
} from "./targets.ts";

export { type Manifest } from "./build_support.ts";
export { prebuiltFolder } from "./targets.ts";

const FLAGS = [
  "-std=c++17",
  "-O3",
  "-fPIC",
  "-fno-exceptions",
  "-fno-rtti",
  // Nothing is ever thrown through the library.
  "-fno-asynchronous-unwind-tables",
  "-fno-threadsafe-statics",
  "-ffunction-sections",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  "-Werror",
  // Clang's alone: rules combine comparisons without branches.
  "-Wno-bitwise-instead-of-logical",
  "-Wno-bitwise-conditional-parentheses",
];
/**
 * Linked as C: the library uses no C++ runtime, so that it depends on libc, libm and libpthread alone.
 * It stays loaded when it is closed: the pool's threads wait in it until the process ends.
 */
const LINK_FLAGS = ["-shared", "-static-libgcc", "-Wl,--gc-sections,-z,defs,-z,nodelete", "-s"];

/** SHA-256, in hexadecimal, of every source and flag that a platform's CPU library depends on. */
export async function sourceHash(platform: string = HERE.platform): Promise<string> {
  const flags = [FLAGS, ...levelsOf(platform), LINK_FLAGS].map((list) => list.join(" "));
  return await hashSources(flags, await sources(/\.cpp$/, "cpu", "cpu/kernels"));
}

/** One call of the compiler. */
interface Job {
  readonly source: string;
  readonly object: string;
  readonly flags: readonly string[];
}

/** Compiles every source with the extra flags; kernels once for each level. Answers the objects. */
async function compile(
  target: Target,
  folder: string,
  extra: readonly string[],
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const jobs: Job[] = [];
  // Baseline objects come first: of an inline function that several copies hold, the linker keeps
  // the first, and that one must run anywhere.
  for (const [level, flags] of levelsOf(target.platform).entries()) {
    for (const source of await sources(/\.cpp$/, "cpu/kernels")) {
      const object = join(folder, `${basename(source, ".cpp")}_${level}.o`);
      jobs.push({ source, object, flags: [...flags, `-DCPCDR_ISA_LEVEL=${level}`] });
    }
    if (level > 0) continue;
    for (const source of await sources(/\.cpp$/, "cpu")) {
      jobs.push({ source, object: join(folder, `${basename(source, ".cpp")}.o`), flags: [] });
    }
  }
  const scripts = ["build.ts", "targets.ts"].map((name) => join(ROOT, name));
  const compiled = pooledMap(navigator.hardwareConcurrency, jobs, async (job: Job) => {
    if (await modified(job.object) < await modified(...scripts, ...await withHeaders(job.source))) {
      const flags = [...FLAGS, ...extra, ...job.flags];
      await run(target.compiler, [...flags, "-c", job.source, "-o", job.object]);
    }
  });
  for await (const _ of compiled);
  return jobs.map((job) => job.object);
}

/** Builds the library into a folder and answers what the manifest is to say of it. */
async function build(target: Target, folder: string): Promise<LibraryManifest> {
  const { platform } = target, name = libraryName("cpu", platform);
  const objects = await compile(
    target,
    join(BUILD, "release", platform, basename(target.compiler)),
    [],
  );
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await run(target.linker, [...LINK_FLAGS, "-o", path, ...objects, "-lpthread", "-lm"]);
  const abi = await versionIn("cpcdr.h", "CPCDR_ABI_VERSION");
  return await describe(path, name, abi, await sourceHash(platform));
}

/** Answers what of a platform's library differs from its sources; rebuilds it where there is a compiler. */
async function check(target: Target): Promise<string[]> {
  const { platform } = target, name = libraryName("cpu", platform);
  const folder = prebuiltFolder(platform), scratch = join(BUILD, "check", platform);
  const shipped = await readManifest(folder);
  if (!shipped) return ["there is no manifest"];
  const abi = await versionIn("cpcdr.h", "CPCDR_ABI_VERSION");
  const hash = await sourceHash(platform);
  const differences = await findDifferences(folder, shipped, name, abi, hash);
  if (target !== HERE && !await isInstalled(target.compiler)) return differences;
  await build(target, scratch);
  const [ours, theirs] = await Promise.all(
    [scratch, folder].map((from) => exportedSymbols(join(from, name), target.nm)),
  );
  if (ours.join() !== theirs.join()) differences.push("exported symbols differ");
  return differences;
}

/** Builds and keeps the library of a platform, or says in one line why not. */
async function ship(target: Target): Promise<void> {
  const { platform, compiler, packages } = target;
  if (target !== HERE && !await isInstalled(compiler)) {
    return console.log(
      `CPU library for ${platform}: left out, since there is no ${compiler} (${packages})`,
    );
  }
  const folder = prebuiltFolder(platform), manifest = await build(target, folder);
  await updateManifest(folder, manifest);
  console.log(`${folder}: ${JSON.stringify(manifest.files)}`);
}

/** Says in one line whether a library is up to date; answers whether it is. */
function report(library: string, differences: readonly string[], remedy: string): boolean {
  if (differences.length === 0) {
    console.log(`prebuilt ${library} library: matches its sources`);
    return true;
  }
  console.error(`prebuilt ${library} library: ${differences.join("; ")}; run: ${remedy}`);
  return false;
}

const MEMORY = "address,undefined";
const SANITIZERS: Record<string, string[]> = {
  [MEMORY]: [`-fsanitize=${MEMORY}`, "-fno-sanitize-recover=all"],
  thread: ["-fsanitize=thread"],
};
/** How long the slice of the fuzz loop is that runs with the other checks. */
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

/** Makes a program of the checks. */
async function link(
  target: Target,
  flags: readonly string[],
  source: string,
  objects: readonly string[],
  program: string,
): Promise<void> {
  const args = ["-std=c++17", ...flags, source, ...objects, "-lpthread", "-o", program];
  await run(target.compiler, args);
}

/** Fuzzes the ABI, a third of the time on each instruction set. @throws when a call fails. */
async function fuzz(seconds: number): Promise<void> {
  const { folder, extra } = sanitized(MEMORY);
  const objects = await compile(HERE, folder, extra);
  const source = join(ROOT, "test", "fuzz.cpp"), program = join(folder, "fuzz");
  await link(HERE, extra, source, objects, program);
  const levels = ["baseline", "avx2", "avx512"];
  for (const isa of levels) {
    const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
    console.log(`fuzz: ${await run(program, [String(seconds / levels.length)], env)}`);
  }
}

/** Builds and runs the C++ checks under each sanitizer. */
async function test(): Promise<void> {
  for (const name of Object.keys(SANITIZERS)) {
    const { folder, extra } = sanitized(name);
    const objects = await compile(HERE, folder, extra);
    for (const source of await sources(/_test\.cpp$/, "test")) {
      const program = join(folder, basename(source, ".cpp"));
      await link(HERE, extra, source, objects, program);
      // What the CUDA library does is the same on every level of the CPU library.
      const emulated = basename(source).startsWith("cuda_");
      for (const isa of emulated ? ["avx512"] : ["baseline", "avx2", "avx512"]) {
        const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
        console.log(`${name}: ${await run(program, [emulated ? "20" : "60"], env)}`);
      }
    }
  }
}

/** Runs the C++ checks of another platform's library, without sanitizers, where there is what that takes. */
async function testForeign(target: Target): Promise<void> {
  const { platform, compiler, runner: [runner, ...args], packages } = target;
  if (!await isInstalled(compiler) || !await isInstalled(runner)) {
    return console.log(
      `${platform}: left out, since ${compiler} or ${runner} is missing (${packages})`,
    );
  }
  const folder = join(BUILD, "test", platform);
  const objects = await compile(target, folder, ["-DCPCDR_STRIP_PIXELS=512"]);
  for (const source of await sources(/^(?!cuda_).*_test\.cpp$/, "test")) {
    const program = join(folder, basename(source, ".cpp"));
    await link(target, ["-O1"], source, objects, program);
    console.log(
      `${platform}: ${await run(runner, [...args, program, "60"], { CPCDR_THREADS: "3" })}`,
    );
  }
}

if (import.meta.main) {
  const wants = (option: string) => Deno.args.includes(option);
  const fuzzOption = Deno.args.find((option) => option.startsWith("--fuzz-minutes="));
  const minutes = fuzzOption === undefined ? undefined : Number(fuzzOption.split("=")[1]);
  if (wants("--check")) {
    const good = [report("CUDA", await checkCuda(), "deno task build:native --cuda")];
    for (const target of TARGETS) {
      const library = target === HERE ? "CPU" : `CPU (${target.platform})`;
      good.push(report(library, await check(target), "deno task build:native"));
    }
    if (good.includes(false)) Deno.exit(1);
  } else if (wants("--test")) {
    await test();
    for (const target of TARGETS) if (target !== HERE) await testForeign(target);
    await fuzz(FUZZ_SLICE_SECONDS);
  } else if (minutes !== undefined) {
    if (!(minutes > 0)) throw new Error(`Cannot fuzz: expected --fuzz-minutes=N above 0`);
    await fuzz(60 * minutes);
  } else {
    if (!wants("--cuda")) { for (const target of TARGETS) await ship(target); }
    if (!wants("--cpu")) console.log(await buildCuda(wants("--cuda")));
  }
}
