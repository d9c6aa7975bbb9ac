/**
 * The platforms that the CPU library is built for, with which tools, and what runs their programs here.
 *
 * @module
 */

import { join } from "@std/path";
import { ROOT } from "./build_support.ts";

/** One platform. */
export interface Target {
  /** `<os>-<arch>`, as Deno names them. */
  readonly platform: string;
  readonly compiler: string;
  readonly linker: string;
  /** Lists the symbols of its libraries. */
  readonly nm: string;
  /** The Debian packages of these tools, for who lacks them. */
  readonly packages: string;
  /** The command, up to the program, that runs its programs on this machine; empty where they run by themselves. */
  readonly runner: readonly string[];
}

/** This machine's. */
export const HERE: Target = {
  platform: `${Deno.build.os}-${Deno.build.arch}`,
  compiler: Deno.env.get("CXX") ?? "g++",
  linker: Deno.env.get("CC") ?? "gcc",
  nm: "nm",
  packages: "g++",
  runner: [],
};

/** Those that are built here for others. */
const FOREIGN: readonly Target[] = [{
  platform: "linux-aarch64",
  compiler: "aarch64-linux-gnu-g++",
  linker: "aarch64-linux-gnu-gcc",
  nm: "aarch64-linux-gnu-nm",
  packages: "g++-aarch64-linux-gnu qemu-user",
  runner: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
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

/** The folder of a platform's libraries. */
export function prebuiltFolder(platform: string = HERE.platform): string {
  return join(ROOT, "prebuilt", platform);
}

/** What its libraries are called. */
export function libraryName(kind: "cpu" | "cuda", platform: string = HERE.platform): string {
  return `libcpcdr_${kind}.${platform.startsWith("darwin-") ? "dylib" : "so"}`;
}

/** Which of the commands that a platform takes is not on this machine; undefined: none. */
export async function lackOf(target: Target, ...commands: string[]): Promise<string | undefined> {
  for (const command of commands) {
    if (!await isInstalled(command)) return `${command} is not installed (${target.packages})`;
  }
}

/** Whether a command is on this machine. */
export async function isInstalled(command: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
