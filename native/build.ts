/**
 * Builds the native libraries that ship with the module, and their manifest.
 *
 *     deno run -A native/build.ts            builds native/prebuilt/<os>-<arch>/
 *     deno run -A native/build.ts --cpu      the CPU library alone; --cuda the CUDA library alone
 *     deno run -A native/build.ts --check    rebuilds beside it; fails when what ships is stale
 *     deno run -A native/build.ts --test     builds and runs native/test under ASan+UBSan and TSan
 *     deno run -A native/build.ts --fuzz-minutes=N   random calls of the whole ABI under ASan+UBSan for N minutes
 *
 * A C++ compiler (`CXX`, else g++) is all that the CPU library needs; the CUDA library needs nvcc (`NVCC`), and is
 * left out in one line where there is none.
 *
 * @module
 */

import { basename, fromFileUrl, join } from "@std/path";
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
  prebuiltFolder,
  readManifest,
  ROOT,
  run,
  sources,
  updateManifest,
  versionIn,
  withHeaders,
} from "./build_support.ts";

export { type Manifest, prebuiltFolder } from "./build_support.ts";

const COMPILER = Deno.env.get("CXX") ?? "g++";
const LINKER = Deno.env.get("CC") ?? "gcc";
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
];
/** Flags of the three copies of each kernel, see cpu/dispatch.h. */
const LEVELS = Deno.build.arch === "x86_64"
  ? [
    [],
    ["-mavx2", "-mfma"],
    [
      "-mavx512f",
      "-mavx512bw",
      "-mavx512dq",
      "-mavx512vl",
      "-mfma",
      "-mbmi2",
      "-mprefer-vector-width=512",
    ],
  ]
  : [[]];
/**
 * Linked as C: the library uses no C++ runtime, so that it depends on libc, libm and libpthread alone.
 * It stays loaded when it is closed: the pool's threads wait in it until the process ends.
 */
const LINK_FLAGS = ["-shared", "-static-libgcc", "-Wl,--gc-sections,-z,defs,-z,nodelete", "-s"];
const LIBRARY = Deno.build.os === "darwin" ? "libcpcdr_cpu.dylib" : "libcpcdr_cpu.so";

/** SHA-256, in hexadecimal, of every source and flag that the CPU library depends on. */
export async function sourceHash(): Promise<string> {
  const flags = [FLAGS, ...LEVELS, LINK_FLAGS].map((list) => list.join(" "));
  return await hashSources(flags, await sources(/\.cpp$/, "cpu", "cpu/kernels"));
}

/** One call of the compiler. */
interface Job {
  readonly source: string;
  readonly object: string;
  readonly flags: readonly string[];
}

/** Compiles every source with the extra flags; kernels once for each level. Answers the objects. */
async function compile(folder: string, extra: readonly string[]): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const jobs: Job[] = [];
  // Baseline objects come first: of an inline function that several copies hold, the linker keeps
  // the first, and that one must run anywhere.
  for (const [level, flags] of LEVELS.entries()) {
    for (const source of await sources(/\.cpp$/, "cpu/kernels")) {
      const object = join(folder, `${basename(source, ".cpp")}_${level}.o`);
      jobs.push({ source, object, flags: [...flags, `-DCPCDR_ISA_LEVEL=${level}`] });
    }
    if (level > 0) continue;
    for (const source of await sources(/\.cpp$/, "cpu")) {
      jobs.push({ source, object: join(folder, `${basename(source, ".cpp")}.o`), flags: [] });
    }
  }
  const script = fromFileUrl(import.meta.url);
  const compiled = pooledMap(navigator.hardwareConcurrency, jobs, async (job: Job) => {
    if (await modified(job.object) < await modified(script, ...await withHeaders(job.source))) {
      await run(COMPILER, [...FLAGS, ...extra, ...job.flags, "-c", job.source, "-o", job.object]);
    }
  });
  for await (const _ of compiled);
  return jobs.map((job) => job.object);
}

/** Builds the library into a folder and answers what the manifest is to say of it. */
async function build(folder: string): Promise<LibraryManifest> {
  const objects = await compile(join(BUILD, "release"), []);
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, LIBRARY);
  await run(LINKER, [...LINK_FLAGS, "-o", path, ...objects, "-lpthread", "-lm"]);
  const abi = await versionIn("cpcdr.h", "CPCDR_ABI_VERSION");
  return await describe(path, LIBRARY, abi, await sourceHash());
}

/** Rebuilds into a scratch folder; answers what differs from what ships. */
async function check(): Promise<string[]> {
  const shipped = await readManifest(prebuiltFolder());
  if (!shipped) return ["there is no manifest"];
  const folder = join(BUILD, "check");
  const { abi, sourceHash } = await build(folder);
  const differences = await findDifferences(shipped, LIBRARY, abi, sourceHash);
  const [ours, theirs] = await Promise.all(
    [folder, prebuiltFolder()].map((from) => exportedSymbols(join(from, LIBRARY))),
  );
  if (ours.join() !== theirs.join()) differences.push("exported symbols differ");
  return differences;
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

/** Fuzzes the ABI, a third of the time on each instruction set. @throws when a call fails. */
async function fuzz(seconds: number): Promise<void> {
  const { folder, extra } = sanitized(MEMORY);
  const objects = await compile(folder, extra);
  const source = join(ROOT, "test", "fuzz.cpp"), program = join(folder, "fuzz");
  await run(COMPILER, ["-std=c++17", ...extra, source, ...objects, "-lpthread", "-o", program]);
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
    const objects = await compile(folder, extra);
    for (const source of await sources(/_test\.cpp$/, "test")) {
      const program = join(folder, basename(source, ".cpp"));
      await run(COMPILER, ["-std=c++17", ...extra, source, ...objects, "-lpthread", "-o", program]);
      // What the CUDA library does is the same on every level of the CPU library.
      const emulated = basename(source).startsWith("cuda_");
      for (const isa of emulated ? ["avx512"] : ["baseline", "avx2", "avx512"]) {
        const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
        console.log(`${name}: ${await run(program, [emulated ? "20" : "60"], env)}`);
      }
    }
  }
}

if (import.meta.main) {
  const wants = (option: string) => Deno.args.includes(option);
  const fuzzOption = Deno.args.find((option) => option.startsWith("--fuzz-minutes="));
  const minutes = fuzzOption === undefined ? undefined : Number(fuzzOption.split("=")[1]);
  if (wants("--check")) {
    const cpu = report("CPU", await check(), "deno task build:native");
    const cuda = report("CUDA", await checkCuda(), "deno task build:native --cuda");
    if (!cpu || !cuda) Deno.exit(1);
  } else if (wants("--test")) {
    await test();
    await fuzz(FUZZ_SLICE_SECONDS);
  } else if (minutes !== undefined) {
    if (!(minutes > 0)) throw new Error(`Cannot fuzz: expected --fuzz-minutes=N above 0`);
    await fuzz(60 * minutes);
  } else {
    const folder = prebuiltFolder();
    if (!wants("--cuda")) {
      const manifest = await build(folder);
      await updateManifest(folder, manifest);
      console.log(`${folder}: ${JSON.stringify(manifest.files)}`);
    }
    if (!wants("--cpu")) console.log(await buildCuda(wants("--cuda")));
  }
}
