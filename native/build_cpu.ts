/**
 * Builds the CPU library, for this platform and for others.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { pooledMap } from "@std/async/pool";
import {
  BUILD,
  describe,
  exportedSymbols,
  findDifferences,
  hashSources,
  modified,
  readManifest,
  ROOT,
  run,
  sources,
  updateManifest,
  versionIn,
  withHeaders,
} from "./build_support.ts";
import { libraryName } from "../lib/engine/native/platform.ts";
import {
  flagsOf,
  HERE,
  lackOf,
  levelsOf,
  linkFlagsOf,
  prebuiltFolder,
  type Target,
} from "./targets.ts";

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
/** SHA-256, in hexadecimal, of every source and flag that a platform's CPU library depends on. */
export async function sourceHash(platform: string = HERE.platform): Promise<string> {
  const lists = [FLAGS, flagsOf(platform), ...levelsOf(platform), linkFlagsOf(platform)];
  const flags = lists.map((list) => list.join(" "));
  return await hashSources(flags, await sources(/\.cpp$/, "cpu", "cpu/kernels"));
}

/** One call of the compiler. */
interface Job {
  readonly source: string;
  readonly object: string;
  readonly flags: readonly string[];
}

/** Compiles every source with the extra flags; kernels once for each level. Answers the objects. */
export async function compile(
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
  const scripts = ["build_cpu.ts", "targets.ts"].map((name) => join(ROOT, name));
  const compiled = pooledMap(navigator.hardwareConcurrency, jobs, async (job: Job) => {
    if (await modified(job.object) < await modified(...scripts, ...await withHeaders(job.source))) {
      const flags = [...FLAGS, ...flagsOf(target.platform), ...extra, ...job.flags];
      await run(target.compiler, [...flags, "-c", job.source, "-o", job.object]);
    }
  });
  for await (const _ of compiled);
  return jobs.map((job) => job.object);
}

/** Builds the library into a folder and answers its path. */
async function buildCpu(target: Target, folder: string): Promise<string> {
  const { platform } = target;
  const objects = await compile(
    target,
    join(BUILD, "release", platform, basename(target.compiler)),
    [],
  );
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, libraryName("cpu", platform));
  const flags = linkFlagsOf(platform);
  await run(target.linker, [...flags, "-o", path, ...objects, "-lpthread", "-lm"]);
  return path;
}

const abiVersion = () => versionIn("cpcdr.h", "CPCDR_ABI_VERSION");

/** Answers what of a platform's library differs from its sources; rebuilds it where there is a compiler. */
export async function checkCpu(target: Target): Promise<string[]> {
  const { platform } = target, name = libraryName("cpu", platform);
  const folder = prebuiltFolder(platform), scratch = join(BUILD, "check", platform);
  const shipped = await readManifest(folder);
  if (!shipped) return ["there is no manifest"];
  const [abi, hash] = [await abiVersion(), await sourceHash(platform)];
  const differences = await findDifferences(folder, shipped, name, abi, hash);
  if (target !== HERE && await lackOf(target, target.compiler)) return differences;
  const rebuilt = await buildCpu(target, scratch);
  const [ours, theirs] = await Promise.all(
    [rebuilt, join(folder, name)].map((path) => exportedSymbols(path, target.lister)),
  );
  if (ours.join() !== theirs.join()) differences.push("exported symbols differ");
  return differences;
}

/** Builds and keeps the library of a platform, or says in one line why not. */
export async function shipCpu(target: Target): Promise<void> {
  const { platform, compiler } = target;
  const lack = target === HERE ? undefined : await lackOf(target, compiler);
  if (lack) return console.log(`CPU library for ${platform}: left out, since ${lack}`);
  const folder = prebuiltFolder(platform), path = await buildCpu(target, folder);
  const [abi, hash] = [await abiVersion(), await sourceHash(platform)];
  const manifest = await describe(path, libraryName("cpu", platform), abi, hash);
  await updateManifest(folder, manifest);
  console.log(`${folder}: ${JSON.stringify(manifest.files)}`);
}
