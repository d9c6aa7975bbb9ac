import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import { libraryName } from "../../lib/engine/native/platform.ts";
import { PLATFORMS, SHIPS_HERE } from "../../lib/engine/native/shipped.ts";
import { ABI_VERSION, librarySymbols } from "../../lib/engine/native/symbols.ts";
import { sourceHash } from "../../native/build_cpu.ts";
import { readManifest, sha256 } from "../../native/build_support.ts";
import { HERE, prebuiltFolder } from "../../native/targets.ts";
import { inTemporary } from "../data/files.ts";
import { lackOf, prebuiltTest, tell } from "./libraries.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const REBUILD = "run: deno task build:native";
/** In MiB; on Windows threads and the compiler's functions come with it. */
const LARGEST: Readonly<Record<string, number>> = { linux: 2, windows: 2.25 };
/** The C library of the oldest systems that Deno itself runs on. */
const OLDEST_GLIBC = [2, 27];

const missing = SHIPS_HERE ? undefined : `no library ships for ${HERE.platform}`;

/** Whatever the machine, readelf reads them. */
function assertRunsOnLinux(path: string, arch: string): void {
  const readelf = (option: string) => tell("readelf", path, "-W", option);
  const machine = arch === "aarch64" ? "AArch64" : "Advanced Micro Devices X86-64";
  assertStringIncludes(readelf("-h"), machine);
  const versions = [...readelf("--dyn-syms").matchAll(/GLIBC_(\d+)\.(\d+)/g)];
  assert(versions.length > 0, "readelf shows no versioned symbol");
  for (const [name, major, minor] of versions) {
    const [oldestMajor, oldestMinor] = OLDEST_GLIBC;
    const old = Number(major) === oldestMajor && Number(minor) <= oldestMinor;
    assert(old, `expected GLIBC_${OLDEST_GLIBC.join(".")} at most, got ${name}`);
  }
  const needed = [...readelf("-d").matchAll(/NEEDED.*\[(.+)\]/g)].map(([, name]) => name);
  assert(needed.includes("libc.so.6"), "readelf shows no libc");
  const allowed = /^(libc|libm|libpthread|ld-linux-x86-64|ld-linux-aarch64)\.so\.\d+$/;
  assertEquals(needed.filter((name) => !allowed.test(name)), [], "libraries beyond libc");
}

/** Both libraries are part of every Windows. */
function assertRunsOnWindows(path: string): void {
  const facts = tell("objdump", path, "-p");
  assertStringIncludes(facts, "pei-x86-64");
  const needed = [...facts.matchAll(/DLL Name: (\S+)/g)].map(([, name]) => name);
  assertEquals(needed.sort(), ["KERNEL32.dll", "msvcrt.dll"]);
}

const readelfMissing = await lackOf("readelf"), objdumpMissing = await lackOf("objdump");

Deno.test("a library ships for Linux on ARM and on x86-64, and for Windows", () => {
  assertEquals(PLATFORMS, ["linux-aarch64", "linux-x86_64", "windows-x86_64"]);
});

for (const platform of PLATFORMS) {
  const [os, arch] = platform.split("-"), name = libraryName("cpu", platform);
  const path = join(prebuiltFolder(platform), name);

  Deno.test(`library for ${platform} is built from the sources beside it`, async () => {
    const { sourceHash: shipped } = (await readManifest(prebuiltFolder(platform)))!;
    assertEquals(shipped, await sourceHash(platform), `the library is stale; ${REBUILD}`);
  });

  Deno.test(`library for ${platform} is the file that its manifest names`, async () => {
    const bytes = await Deno.readFile(path);
    const { files } = (await readManifest(prebuiltFolder(platform)))!;
    const facts = { sha256: await sha256(bytes), bytes: bytes.length };
    assertEquals(files, { [name]: facts }, REBUILD);
    assert(bytes.length < LARGEST[os] * 2 ** 20, `${bytes.length} bytes are too many to ship`);
  });

  prebuiltTest(
    `library for ${platform} runs wherever Deno does there`,
    os === "windows" ? objdumpMissing : readelfMissing,
    () => os === "windows" ? assertRunsOnWindows(path) : assertRunsOnLinux(path, arch),
  );
}

prebuiltTest(
  "prebuilt library, header, manifest and symbol table agree on the ABI",
  missing,
  async () => {
    const header = fromFileUrl(new URL("../../native/include/cpcdr.h", import.meta.url));
    const [, version] = (await Deno.readTextFile(header)).match(/#define CPCDR_ABI_VERSION (\d+)/)!;
    const { cpcdr_abi_version } = librarySymbols;
    const path = join(prebuiltFolder(), libraryName("cpu"));
    const library = Deno.dlopen(path, { cpcdr_abi_version });
    const abi = library.symbols.cpcdr_abi_version();
    library.close();
    const { abi: shipped } = (await readManifest(prebuiltFolder()))!;
    assertEquals(
      { header: Number(version), library: abi, manifest: shipped },
      { header: ABI_VERSION, library: ABI_VERSION, manifest: ABI_VERSION },
    );
  },
);

/** Copies a folder with all that is in it. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

prebuiltTest(
  "a library of which one byte is another is refused, and it is said why",
  missing,
  () =>
    inTemporary(async (folder) => {
      for (const part of ["lib/engine/native", "native/prebuilt"]) {
        await copyFolder(join(ROOT, part), join(folder, part));
      }
      await Deno.copyFile(join(ROOT, "lib/errors.ts"), join(folder, "lib/errors.ts"));
      const module = toFileUrl(join(folder, "lib/engine/native/shipped.ts")).href;
      const code = `import { shippedLibrary } from "${module}";
      try { console.log(shippedLibrary()) } catch ({ message }) { console.log(message) }`;
      const args = ["eval", "--config", join(ROOT, "deno.json"), code];
      const shipped = async () => {
        const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
        return new TextDecoder().decode(stdout).trim();
      };
      const path = join(folder, "native/prebuilt", HERE.platform, libraryName("cpu"));
      assertEquals(await shipped(), path);
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 1] ^= 1;
      await Deno.writeFile(path, bytes);
      const reason = await shipped();
      assertStringIncludes(reason, "expected SHA-256");
      assertStringIncludes(reason, REBUILD);
    }),
);
