import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { ABI_VERSION, librarySymbols } from "../../lib/engine/native/symbols.ts";
import { type Manifest, prebuiltFolder, sourceHash } from "../../native/build.ts";

/** Platforms whose library ships; on others each test says that none does. */
const SHIPPED = ["linux-x86_64"];
const REBUILD = "run: deno task build:native";
const LARGEST_BYTES = 2 * 1024 * 1024;
/** The C library of the oldest systems that Deno itself runs on. */
const OLDEST_GLIBC = [2, 27];

const platform = `${Deno.build.os}-${Deno.build.arch}`;
const missing = SHIPPED.includes(platform) ? undefined : `no library ships for ${platform}`;
const path = join(prebuiltFolder(), "libcpcdr_cpu.so");

/** A test that says in its name why it is ignored, where it is. */
function prebuiltTest(name: string, reason: string | undefined, fn: () => void | Promise<void>) {
  Deno.test({ name: reason ? `${name} (ignored: ${reason})` : name, ignore: !!reason, fn });
}

async function readManifest(): Promise<Manifest> {
  return JSON.parse(await Deno.readTextFile(join(prebuiltFolder(), "manifest.json")));
}

function objdump(...args: string[]): string {
  const { success, stdout } = new Deno.Command("objdump", { args: [...args, path] }).outputSync();
  assert(success, `objdump cannot read ${path}`);
  return new TextDecoder().decode(stdout);
}

function objdumpMissing(): string | undefined {
  try {
    new Deno.Command("objdump", { args: ["--version"] }).outputSync();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "objdump is not installed (binutils)";
    throw error;
  }
}

prebuiltTest("prebuilt library is built from the sources beside it", missing, async () => {
  const { sourceHash: shipped } = await readManifest();
  assertEquals(shipped, await sourceHash(), `the library is stale; ${REBUILD}`);
});

prebuiltTest("prebuilt library is the file that its manifest names", missing, async () => {
  const bytes = await Deno.readFile(path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const { files } = await readManifest();
  assertEquals(files, { "libcpcdr_cpu.so": { sha256, bytes: bytes.length } }, REBUILD);
  assert(bytes.length < LARGEST_BYTES, `${bytes.length} bytes are too many to ship`);
});

prebuiltTest(
  "prebuilt library, header, manifest and symbol table agree on the ABI",
  missing,
  async () => {
    const header = fromFileUrl(new URL("../../native/include/cpcdr.h", import.meta.url));
    const [, version] = (await Deno.readTextFile(header)).match(/#define CPCDR_ABI_VERSION (\d+)/)!;
    const { cpcdr_abi_version } = librarySymbols;
    const library = Deno.dlopen(path, { cpcdr_abi_version });
    const abi = library.symbols.cpcdr_abi_version();
    library.close();
    const { abi: shipped } = await readManifest();
    assertEquals(
      { header: Number(version), library: abi, manifest: shipped },
      { header: ABI_VERSION, library: ABI_VERSION, manifest: ABI_VERSION },
    );
  },
);

prebuiltTest("prebuilt library runs wherever Deno does", missing ?? objdumpMissing(), () => {
  const versions = [...objdump("-T").matchAll(/GLIBC_(\d+)\.(\d+)/g)];
  assert(versions.length > 0, "objdump shows no versioned symbol");
  for (const [name, major, minor] of versions) {
    const [oldestMajor, oldestMinor] = OLDEST_GLIBC;
    const old = Number(major) === oldestMajor && Number(minor) <= oldestMinor;
    assert(old, `expected GLIBC_${OLDEST_GLIBC.join(".")} at most, got ${name}`);
  }
  const needed = [...objdump("-p").matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name);
  assert(needed.includes("libc.so.6"), "objdump shows no libc");
  const allowed = /^(libc|libm|libpthread|ld-linux-x86-64)\.so\.\d+$/;
  assertEquals(needed.filter((name) => !allowed.test(name)), [], "libraries beyond libc");
});
