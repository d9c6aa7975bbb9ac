/**
 * Builds the native CPU library that ships with the module, and its manifest.
 *
 *     deno run -A native/build.ts            builds native/prebuilt/<os>-<arch>/
 *     deno run -A native/build.ts --check    rebuilds beside it; fails when what ships is stale
 *     deno run -A native/build.ts --test     builds and runs native/test under ASan+UBSan and TSan
 *
 * A C++ compiler (`CXX`, else g++) is all that it needs.
 *
 * @module
 */

import { basename, dirname, fromFileUrl, join, relative } from "@std/path";
import { pooledMap } from "@std/async/pool";

const ROOT = fromFileUrl(new URL(".", import.meta.url));
const BUILD = join(ROOT, "build");
const COMPILER = Deno.env.get("CXX") ?? "g++";
const LINKER = Deno.env.get("CC") ?? "gcc";
const FLAGS = [
  "-std=c++17",
  "-O3",
  "-fPIC",
  "-fno-exceptions",
  "-fno-rtti",
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
    ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
  ]
  : [[]];
/**
 * Linked as C: the library uses no C++ runtime, so that it depends on libc, libm and libpthread alone.
 * It stays loaded when it is closed: the pool's threads wait in it until the process ends.
 */
const LINK_FLAGS = ["-shared", "-static-libgcc", "-Wl,--gc-sections,-z,defs,-z,nodelete", "-s"];

/** What stands beside the libraries in native/prebuilt/<os>-<arch>/manifest.json. */
export interface Manifest {
  /** CPCDR_ABI_VERSION of the header that the libraries were built from. */
  readonly abi: number;
  /** SHA-256 over the sources and flags of the build. */
  readonly sourceHash: string;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

/** The folder of this platform's libraries. */
export function prebuiltFolder(): string {
  return join(ROOT, "prebuilt", `${Deno.build.os}-${Deno.build.arch}`);
}

/** SHA-256, in hexadecimal, of every source and flag that the library depends on. */
export async function sourceHash(): Promise<string> {
  const parts = [
    FLAGS.join(" "),
    LEVELS.map((level) => level.join(" ")).join("|"),
    LINK_FLAGS.join(" "),
  ];
  for (const path of await sources(/\.(h|cpp)$/, "include", "shared", "cpu", "cpu/kernels")) {
    parts.push(relative(ROOT, path), await Deno.readTextFile(path));
  }
  return await sha256(new TextEncoder().encode(parts.join("\0")));
}

/** The files of native's folders whose names match, in name order. */
async function sources(pattern: RegExp, ...folders: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for await (const entry of Deno.readDir(join(ROOT, folder))) {
      if (entry.isFile && pattern.test(entry.name)) found.push(join(ROOT, folder, entry.name));
    }
  }
  return found.sort();
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const output = await new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped" })
    .output();
  const text = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  if (!output.success) throw new Error(`${command} ${args.join(" ")}\n${text}`);
  return text.trim();
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
  const script = await modified(fromFileUrl(import.meta.url));
  const compiled = pooledMap(navigator.hardwareConcurrency, jobs, async (job: Job) => {
    const inputs = await Promise.all([...await withHeaders(job.source)].map(modified));
    if (await modified(job.object) < Math.max(script, ...inputs)) {
      await run(COMPILER, [...FLAGS, ...extra, ...job.flags, "-c", job.source, "-o", job.object]);
    }
  });
  for await (const _ of compiled);
  return jobs.map((job) => job.object);
}

/** A source and every header of ours that it includes. */
async function withHeaders(path: string, known = new Set<string>()): Promise<Set<string>> {
  if (known.has(path)) return known;
  known.add(path);
  const text = await Deno.readTextFile(path);
  for (const [, name] of text.matchAll(/^#include "(.+)"/gm)) {
    await withHeaders(join(dirname(path), name), known);
  }
  return known;
}

async function modified(path: string): Promise<number> {
  return await Deno.stat(path).then((info) => info.mtime?.getTime() ?? 0, () => 0);
}

function libraryName(): string {
  return Deno.build.os === "darwin" ? "libcpcdr_cpu.dylib" : "libcpcdr_cpu.so";
}

async function abiVersion(): Promise<number> {
  const header = await Deno.readTextFile(join(ROOT, "include", "cpcdr.h"));
  return Number(header.match(/#define CPCDR_ABI_VERSION (\d+)/)![1]);
}

/** Builds the library into a folder and answers its manifest. */
async function build(folder: string): Promise<Manifest> {
  const objects = await compile(join(BUILD, "release"), []);
  await Deno.mkdir(folder, { recursive: true });
  const name = libraryName();
  const path = join(folder, name);
  await run(LINKER, [...LINK_FLAGS, "-o", path, ...objects, "-lpthread", "-lm"]);
  const bytes = await Deno.readFile(path);
  const manifest = {
    abi: await abiVersion(),
    sourceHash: await sourceHash(),
    files: { [name]: { sha256: await sha256(bytes), bytes: bytes.length } },
  };
  await Deno.writeTextFile(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
  return manifest;
}

/** Rebuilds into a scratch folder and compares source hash and exported symbols with what ships. */
async function check(): Promise<void> {
  const shipped: Manifest = JSON.parse(
    await Deno.readTextFile(join(prebuiltFolder(), "manifest.json")),
  );
  const built = await build(join(BUILD, "check"));
  const differences: string[] = [];
  if (shipped.abi !== built.abi) differences.push(`ABI ${shipped.abi}, sources have ${built.abi}`);
  if (shipped.sourceHash !== built.sourceHash) differences.push("source hash is stale");
  const name = libraryName();
  const bytes = await Deno.readFile(join(prebuiltFolder(), name));
  if (await sha256(bytes) !== shipped.files[name]?.sha256) {
    differences.push(`${name} is not the file that the manifest names`);
  }
  const [ours, theirs] = await Promise.all(
    [join(BUILD, "check", name), join(prebuiltFolder(), name)].map(exportedSymbols),
  );
  if (ours !== theirs) differences.push("exported symbols differ");
  if (differences.length === 0) return console.log("prebuilt library: matches its sources");
  console.error(`prebuilt library: ${differences.join("; ")}; run: deno task build:native`);
  Deno.exit(1);
}

async function exportedSymbols(path: string): Promise<string> {
  const lines = (await run("nm", ["-D", "--defined-only", path])).split("\n");
  return lines.map((line) => line.split(" ").pop()).sort().join("\n");
}

/** Builds and runs the C++ checks under each sanitizer. */
async function test(): Promise<void> {
  const sanitizers: Record<string, string[]> = {
    "address,undefined": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    thread: ["-fsanitize=thread"],
  };
  for (const [name, flags] of Object.entries(sanitizers)) {
    const folder = join(BUILD, name.replace(",", "_"));
    const extra = [...flags, "-O1", "-g"];
    const objects = await compile(folder, extra);
    for (const source of await sources(/_test\.cpp$/, "test")) {
      const program = join(folder, basename(source, ".cpp"));
      await run(COMPILER, ["-std=c++17", ...extra, source, ...objects, "-lpthread", "-o", program]);
      for (const isa of ["baseline", "avx2", "avx512"]) {
        const env = { CPCDR_ISA: isa, CPCDR_THREADS: "3" };
        console.log(`${name}: ${await run(program, ["60"], env)}`);
      }
    }
  }
}

if (import.meta.main) {
  if (Deno.args.includes("--check")) await check();
  else if (Deno.args.includes("--test")) await test();
  else {
    const manifest = await build(prebuiltFolder());
    console.log(`${prebuiltFolder()}: ${JSON.stringify(manifest.files)}`);
  }
}
