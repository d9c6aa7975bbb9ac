/**
 * Builds the CUDA library, where nvcc is. It holds machine code for compute capability 7.5 to 9.0, and PTX for
 * newer devices; the CUDA runtime is linked in and looks for the driver only when it is called.
 *
 * @module
 */

import { basename, dirname, fromFileUrl, join } from "@std/path";
import {
  BUILD,
  describe,
  exportedSymbols,
  findDifferences,
  hashSources,
  type LibraryManifest,
  modified,
  readManifest,
  run,
  sources,
  updateManifest,
  versionIn,
  withHeaders,
} from "./build_support.ts";
import { libraryName } from "../lib/engine/native/platform.ts";
import { HERE, prebuiltFolder } from "./targets.ts";

const NVCC = Deno.env.get("NVCC") ?? "nvcc";
const LINKER = Deno.env.get("CC") ?? "gcc";
/** Compute capabilities that get machine code; the last one's PTX is kept as well. */
const CAPABILITIES = [75, 80, 86, 89, 90];
const HOST_FLAGS = [
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-exceptions",
  "-fno-rtti",
  "-fno-threadsafe-statics",
  "-ffunction-sections",
  "-Wall",
  "-Werror",
];
/** Products are fused where the sources say so and nowhere else, so that positions are those of the CPU. */
const FLAGS = [
  "-std=c++17",
  "-O3",
  "-fmad=false",
  "--compress-mode=size",
  "-Werror",
  "all-warnings",
  `-Xcompiler=${HOST_FLAGS.join(",")}`,
  ...CAPABILITIES.map((sm) => `-gencode=arch=compute_${sm},code=sm_${sm}`),
  `-gencode=arch=compute_${CAPABILITIES.at(-1)},code=compute_${CAPABILITIES.at(-1)}`,
];
const LINK_FLAGS = [
  "-shared",
  "-static-libgcc",
  "-Wl,--gc-sections,-z,defs,-z,nodelete,--exclude-libs,ALL",
  "-s",
];
const LIBRARY = libraryName("cuda");

/**
 * What the library takes from the C library that glibc 2.29 (libm) and 2.34 (the rest) gave a newer version, by the
 * library that had it before. The link takes it from stubs of those, so that the result loads on older systems too.
 */
const OLD_HOMES: Readonly<Record<string, readonly string[]>> = {
  "libdl.so.2": ["dlclose", "dlerror", "dlopen", "dlsym", "dlvsym"],
  "libm.so.6": ["exp", "exp2", "floor", "log", "log2", "sqrt"],
  "librt.so.1": ["shm_open", "shm_unlink"],
  "libpthread.so.0": [
    ...["condattr_setpshared", "create", "detach", "getspecific", "join", "key_create"],
    ...["key_delete", "kill", "mutex_trylock", "mutexattr_destroy", "mutexattr_init"],
    ...["mutexattr_setpshared", "mutexattr_settype", "once", "rwlock_destroy", "rwlock_init"],
    ...["rwlock_rdlock", "rwlock_timedrdlock", "rwlock_timedwrlock", "rwlock_tryrdlock"],
    ...["rwlock_trywrlock", "rwlock_unlock", "rwlock_wrlock", "rwlockattr_destroy"],
    ...["rwlockattr_init", "rwlockattr_setpshared", "setspecific", "spin_destroy", "spin_init"],
    ...["spin_lock", "spin_trylock", "spin_unlock"],
  ].map((name) => `pthread_${name}`).concat(
    ["destroy", "init", "post", "timedwait", "trywait", "wait"].map((name) => `sem_${name}`),
  ),
};
/** Symbols of a later version than the first. */
const OLD_VERSIONS: Readonly<Record<string, readonly string[]>> = {
  "libdl.so.2": ["GLIBC_2.3.4", "dlmopen"],
};

/** SHA-256, in hexadecimal, of every source and flag that the CUDA library depends on. */
export async function cudaSourceHash(): Promise<string> {
  const flags = [FLAGS.join(" "), LINK_FLAGS.join(" "), JSON.stringify([OLD_HOMES, OLD_VERSIONS])];
  return await hashSources(flags, await sources(/\.cu$/, "cuda"));
}

/** The folder of the CUDA toolkit, or why there is none. */
async function findToolkit(): Promise<{ folder?: string; reason: string }> {
  if (Deno.build.os !== "linux") return { reason: "the CUDA library is built on Linux alone" };
  try {
    // nvcc may be a link to the toolkit's own.
    const text = await run(NVCC, ["--dryrun", "-x", "cu", "-c", "/dev/null", "-o", "/dev/null"]);
    const folder = text.match(/^#\$ _?TOP=(.+)$/m)?.[1].trim();
    return folder
      ? { folder, reason: "" }
      : { reason: `${NVCC} does not tell where its toolkit is` };
  } catch {
    return { reason: `${NVCC} is not installed (CUDA toolkit 12.8 or newer)` };
  }
}

/** Compiles what is older than its sources, one call of nvcc after the other: each uses all cores. */
async function compile(): Promise<string[]> {
  const folder = join(BUILD, "cuda");
  await Deno.mkdir(folder, { recursive: true });
  const objects: string[] = [];
  for (const source of await sources(/\.cu$/, "cuda")) {
    const object = join(folder, `${basename(source, ".cu")}.o`);
    objects.push(object);
    const newest = await modified(fromFileUrl(import.meta.url), ...await withHeaders(source));
    if (await modified(object) < newest) {
      await run(NVCC, [...FLAGS, "--threads", "0", "-c", source, "-o", object]);
    }
  }
  return objects;
}

/** Stubs with the old versions of the C library's functions, to link to. */
async function buildStubs(): Promise<string[]> {
  const folder = join(BUILD, "cuda");
  const stubs: string[] = [];
  for (const [library, names] of Object.entries(OLD_HOMES)) {
    const path = join(folder, library), script = `${path}.map`, source = `${path}.c`;
    const [version, ...later] = OLD_VERSIONS[library] ?? [];
    await Deno.writeTextFile(
      source,
      [...names, ...later].map((name) => `void ${name}(void);\nvoid ${name}(void) {}\n`).join(""),
    );
    await Deno.writeTextFile(
      script,
      `GLIBC_2.2.5 { global: ${names.join("; ")}; local: *; };\n` +
        (version ? `${version} { global: ${later.join("; ")}; } GLIBC_2.2.5;\n` : ""),
    );
    await run(LINKER, [
      ...["-shared", "-nostdlib", "-fPIC", "-fno-builtin", `-Wl,-soname,${library}`],
      ...[`-Wl,--version-script=${script}`, "-o", path, source],
    ]);
    stubs.push(path);
  }
  return stubs;
}

/** Builds the library into a folder and answers what the manifest is to say of it. */
async function build(folder: string, toolkit: string): Promise<LibraryManifest> {
  const objects = await compile();
  const stubs = await buildStubs();
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, LIBRARY);
  const runtime = await firstOf(
    join(toolkit, "lib64", "libcudart_static.a"),
    join(toolkit, "lib", "libcudart_static.a"),
    join(toolkit, "targets", "x86_64-linux", "lib", "libcudart_static.a"),
  );
  await run(LINKER, [...LINK_FLAGS, "-o", path, ...objects, runtime, ...stubs, "-lm"]);
  const abi = await versionIn("cpcdr_cuda.h", "CPCDR_CUDA_ABI_VERSION");
  return await describe(path, LIBRARY, abi, await cudaSourceHash());
}

async function firstOf(...paths: string[]): Promise<string> {
  for (const path of paths) if (await modified(path) > 0) return path;
  throw new Error(`none of ${paths.join(", ")} exists`);
}

/**
 * Builds the CUDA library that ships, and tells so in one line, or why it does not.
 *
 * @param required without nvcc an error, rather than a line.
 */
export async function buildCuda(required: boolean): Promise<string> {
  const { folder: toolkit, reason } = await findToolkit();
  if (!toolkit) {
    if (required) throw new Error(`Cannot build the CUDA library: ${reason}`);
    return `CUDA library not built: ${reason}`;
  }
  const folder = prebuiltFolder();
  const cuda = await build(folder, toolkit);
  await updateManifest(folder, { cuda });
  return `${dirname(join(folder, LIBRARY))}: ${JSON.stringify(cuda.files)}`;
}

/** What differs between the library that ships and its sources; with nvcc, a fresh build is compared as well. */
export async function checkCuda(): Promise<string[]> {
  const shipped = (await readManifest(prebuiltFolder()))?.cuda;
  if (!shipped) return Deno.build.os === "linux" ? ["the manifest names none"] : [];
  const abi = await versionIn("cpcdr_cuda.h", "CPCDR_CUDA_ABI_VERSION");
  const differences = await findDifferences(
    prebuiltFolder(),
    shipped,
    LIBRARY,
    abi,
    await cudaSourceHash(),
  );
  const { folder: toolkit, reason } = await findToolkit();
  if (!toolkit) {
    console.log(`prebuilt CUDA library: not rebuilt, ${reason}`);
    return differences;
  }
  const folder = join(BUILD, "check");
  await build(folder, toolkit);
  const [ours, theirs] = await Promise.all(
    [folder, prebuiltFolder()].map((from) => exportedSymbols(join(from, LIBRARY), HERE.lister)),
  );
  if (ours.join() !== theirs.join()) differences.push("exported symbols differ");
  return differences;
}
