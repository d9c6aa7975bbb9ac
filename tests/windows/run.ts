/**
 * Runs tests in Deno for Windows, on Linux, in Wine:
 *
 *     deno run -A tests/windows/run.ts [FILE OR FOLDER...]
 *     deno run -A tests/windows/run.ts -- <any arguments of deno>
 *
 * Without arguments all tests. It takes npm, tar and Debian's wine64 and g++-mingw-w64-x86-64-posix. Deno comes from npm,
 * in the version that runs this; it, its packages and what Wine takes for Windows' disk stay in a cache folder. Wine 8
 * starts it once two things are mended, both in the copy: random bytes are asked of a library that Wine lacks
 * (bcryptprimitives.c), and V8 reserves memory by a function, `VirtualAlloc2`, half of which Wine lacks; V8 lives
 * without one that it does not find. The exit code is that of Deno.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { run } from "../../native/build_support.ts";
import { TARGETS } from "../../native/targets.ts";
import { cacheFolder } from "../cache_folder.ts";

const PACKAGE = "@deno/win32-x64";
const { linker, runner: [wine], environment } = TARGETS.find(({ platform }) =>
  platform === "windows-x86_64"
)!;
const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Deno for Windows in a folder, made where it is not there yet; answers its path. */
async function provideDeno(folder: string): Promise<string> {
  const path = join(folder, "deno.exe");
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  await Deno.mkdir(folder, { recursive: true });
  const spec = `${PACKAGE}@${Deno.version.deno}`;
  const archive = await run("npm", ["pack", "--silent", "--pack-destination", folder, spec]);
  await run("tar", ["-xzf", join(folder, archive), "-C", folder]);
  const source = fromFileUrl(new URL("bcryptprimitives.c", import.meta.url));
  const library = join(folder, "bcryptprimitives.dll");
  await run(linker, ["-shared", "-O1", "-o", library, source, "-ladvapi32"]);
  const bytes = await Deno.readFile(join(folder, "package", "deno.exe"));
  hide(bytes, "VirtualAlloc2");
  await Deno.writeFile(path, bytes);
  for (const rest of ["package", archive]) {
    await Deno.remove(join(folder, rest), { recursive: true });
  }
  return path;
}

/** Spoils the name of a function that a program asks the system for. */
function hide(program: Uint8Array, name: string): void {
  const wanted = new TextEncoder().encode(`\0${name}\0`);
  const at = program.findIndex((_, i) => wanted.every((byte, k) => program[i + k] === byte));
  if (at < 0) throw new Error(`Deno for Windows names no ${name} any more`);
  program[at + name.length] = "_".charCodeAt(0);
}

const cache = cacheFolder("cpcdr-windows");
const [first, ...rest] = Deno.args;
const wanted = first === "--" ? rest : ["test", "-A", "--no-check", ...Deno.args];
const { code } = await new Deno.Command(wine, {
  args: [await provideDeno(join(cache, Deno.version.deno)), ...wanted],
  cwd: ROOT,
  env: {
    ...environment,
    WINEPREFIX: join(cache, "prefix"),
    // The other way to a GPU is loud where there is none.
    DENO_WEBGPU_BACKEND: "vulkan",
    NO_COLOR: "1",
  },
}).spawn().status;
Deno.exit(code);
