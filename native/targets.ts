/**
 * The platforms that the CPU library is built for, with which tools, and what runs their programs here.
 *
 * @module
 */

import { join } from "@std/path";
import { PLATFORM } from "../lib/engine/native/platform.ts";
import { BUILD, ROOT, succeeds } from "./build_support.ts";

/** One platform. */
export interface Target {
  /** `<os>-<arch>`, as Deno names them. */
  readonly platform: string;
  readonly compiler: string;
  readonly linker: string;
  /** The command, up to the library, that lists what it exports. */
  readonly lister: readonly string[];
  /** The Debian packages of these tools, for who lacks them. */
  readonly packages: string;
  /** The command, up to the program, that runs its programs on this machine; empty where they run by themselves. */
  readonly runner: readonly string[];
  /** Variables of the environment that it takes. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** See {@linkcode Target.lister}; `prefix` is of the names of a foreign platform's tools. */
function listerOf(platform: string, prefix = ""): readonly string[] {
  if (platform.startsWith("windows-")) return [`${prefix}objdump`, "-p"];
  return [`${prefix}nm`, ...platform.startsWith("darwin-") ? ["-gU"] : ["-D", "--defined-only"]];
}

/** This machine's. */
export const HERE: Target = {
  platform: PLATFORM,
  compiler: Deno.env.get("CXX") ?? "g++",
  linker: Deno.env.get("CC") ?? "gcc",
  lister: listerOf(PLATFORM),
  packages: "g++",
  runner: [],
};

/** Those that are built here for others. */
const FOREIGN: readonly Target[] = [{
  platform: "linux-aarch64",
  compiler: "aarch64-linux-gnu-g++",
  linker: "aarch64-linux-gnu-gcc",
  lister: listerOf("linux-aarch64", "aarch64-linux-gnu-"),
  packages: "g++-aarch64-linux-gnu qemu-user",
  runner: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
}, {
  platform: "windows-x86_64",
  compiler: "x86_64-w64-mingw32-g++-posix",
  linker: "x86_64-w64-mingw32-gcc-posix",
  lister: listerOf("windows-x86_64", "x86_64-w64-mingw32-"),
  packages: "g++-mingw-w64-x86-64-posix wine64",
  runner: ["/usr/lib/wine/wine64"],
  environment: { WINEPREFIX: join(BUILD, "wine"), WINEDEBUG: "-all" },
}];

/** This machine's, then those that Debian's tools build for others where it is x86-64. */
export const TARGETS: readonly Target[] = HERE.platform === "linux-x86_64"
  ? [HERE, ...FOREIGN]
  : [HERE];

/** The flags of the copies of each kernel on a platform, see cpu/dispatch.h. */
export function levelsOf(platform: string): readonly (readonly string[])[] {
  if (!platform.endsWith("-x86_64")) return [[]];
  return [
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
  ];
}

/** The compiler's flags for all sources of a platform, beside those of every platform. */
export function flagsOf(platform: string): readonly string[] {
  // Windows aligns the stack to 16 bytes, of which GCC knows nothing where it keeps wider vectors there.
  return platform.startsWith("windows-") ? ["-Wa,-muse-unaligned-vector-move"] : [];
}

/**
 * The linker's flags. Libraries are linked as C: they use no C++ runtime, so that they depend on the system's own
 * libraries alone. They stay loaded when they are closed, see cpu/system.h.
 */
export function linkFlagsOf(platform: string): readonly string[] {
  if (platform.startsWith("windows-")) {
    return ["-shared", "-static", "-Wl,--gc-sections,--no-insert-timestamp", "-s"];
  }
  if (platform.startsWith("darwin-")) return ["-shared", "-Wl,-dead_strip"];
  return ["-shared", "-static-libgcc", "-Wl,--gc-sections,-z,defs,-z,nodelete", "-s"];
}

/** The folder of a platform's libraries. */
export function prebuiltFolder(platform: string = HERE.platform): string {
  return join(ROOT, "prebuilt", platform);
}

/** Which of the commands that a platform takes is not on this machine; undefined: none. */
export async function lackOf(target: Target, ...commands: string[]): Promise<string | undefined> {
  for (const command of commands) {
    if (!await isInstalled(command)) return `${command} is not installed (${target.packages})`;
  }
}

/** Whether a command is on this machine. */
export function isInstalled(command: string): Promise<boolean> {
  return succeeds(command, "--version");
}
