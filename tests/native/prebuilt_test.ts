import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { PLATFORMS, SHIPS_HERE } from "../../lib/engine/native/shipped.ts";
import { ABI_VERSION, librarySymbols } from "../../lib/engine/native/symbols.ts";
import { sourceHash } from "../../native/build_cpu.ts";
import { readManifest, sha256 } from "../../native/build_support.ts";
import { HERE, isInstalled, prebuiltFolder } from "../../native/targets.ts";

const NAME = "libcpcdr_cpu.so";
const REBUILD = "run: deno task build:native";
const LARGEST_BYTES = 2 * 1024 * 1024;
/** The C library of the oldest systems that Deno itself runs on. */
const OLDEST_GLIBC = [2, 27];

const missing = SHIPS_HERE ? undefined : `no library ships for ${HERE.platform}`;

/** A test that says in its name why it is ignored, where it is. */
function prebuiltTest(name: string, reason: string | undefined, fn: () => void | Promise<void>) {
  Deno.test({ name: reason ? `${name} (ignored: ${reason})` : name, ignore: !!reason, fn });
}

/** What readelf, which reads libraries of any platform, tells of one. */
function readelf(option: string, path: string): string {
  const { success, stdout } = new Deno.Command("readelf", { args: ["-W", option, path] })
    .outputSync();
  assert(success, `readelf cannot read ${path}`);
  return new TextDecoder().decode(stdout);
}

const readelfMissing = await isInstalled("readelf")
  ? undefined
  : "readelf is not installed (binutils)";

Deno.test("a library ships for Linux on ARM and on x86-64", () => {
  assertEquals(PLATFORMS, ["linux-aarch64", "linux-x86_64"]);
});

for (const platform of PLATFORMS) {
  const path = join(prebuiltFolder(platform), NAME);

  Deno.test(`library for ${platform} is built from the sources beside it`, async () => {
    const { sourceHash: shipped } = (await readManifest(prebuiltFolder(platform)))!;
    assertEquals(shipped, await sourceHash(platform), `the library is stale; ${REBUILD}`);
  });

  Deno.test(`library for ${platform} is the file that its manifest names`, async () => {
    const bytes = await Deno.readFile(path);
    const { files } = (await readManifest(prebuiltFolder(platform)))!;
    const facts = { sha256: await sha256(bytes), bytes: bytes.length };
    assertEquals(files, { [NAME]: facts }, REBUILD);
    assert(bytes.length < LARGEST_BYTES, `${bytes.length} bytes are too many to ship`);
  });

  prebuiltTest(`library for ${platform} runs wherever Deno does there`, readelfMissing, () => {
    const machine = { aarch64: "AArch64", x86_64: "Advanced Micro Devices X86-64" };
    const arch = platform.split("-")[1] as keyof typeof machine;
    assertStringIncludes(readelf("-h", path), machine[arch]);
    const versions = [...readelf("--dyn-syms", path).matchAll(/GLIBC_(\d+)\.(\d+)/g)];
    assert(versions.length > 0, "readelf shows no versioned symbol");
    for (const [name, major, minor] of versions) {
      const [oldestMajor, oldestMinor] = OLDEST_GLIBC;
      const old = Number(major) === oldestMajor && Number(minor) <= oldestMinor;
      assert(old, `expected GLIBC_${OLDEST_GLIBC.join(".")} at most, got ${name}`);
    }
    const needed = [...readelf("-d", path).matchAll(/NEEDED.*\[(.+)\]/g)].map(([, name]) => name);
    assert(needed.includes("libc.so.6"), "readelf shows no libc");
    const allowed = /^(libc|libm|libpthread|ld-linux-x86-64|ld-linux-aarch64)\.so\.\d+$/;
    assertEquals(needed.filter((name) => !allowed.test(name)), [], "libraries beyond libc");
  });
}

prebuiltTest(
  "prebuilt library, header, manifest and symbol table agree on the ABI",
  missing,
  async () => {
    const header = fromFileUrl(new URL("../../native/include/cpcdr.h", import.meta.url));
    const [, version] = (await Deno.readTextFile(header)).match(/#define CPCDR_ABI_VERSION (\d+)/)!;
    const { cpcdr_abi_version } = librarySymbols;
    const path = join(prebuiltFolder(), NAME);
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
