import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { cudaExports } from "../../lib/engine/native/cuda_symbols.ts";
import { describeCuda, probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { libraryName } from "../../lib/engine/native/platform.ts";
import { HOT_KERNELS } from "../../lib/engine/native/hot.ts";
import { DeviceError } from "../../lib/errors.ts";
import type { Manifest } from "../../native/build_support.ts";
import { isInstalled, prebuiltFolder } from "../../native/targets.ts";
import { cudaSourceHash } from "../../native/build_cuda.ts";

const SHIPPED = ["linux-x86_64"];
const REBUILD = "run: deno task build:native --cuda";
const NAME = "libcpcdr_cuda.so";
const LARGEST_BYTES = 4 * 1000 * 1000;
/** The C library of the oldest systems that Deno itself runs on. */
const OLDEST_GLIBC_MINOR = 27;

const platform = `${Deno.build.os}-${Deno.build.arch}`;
const missing = SHIPPED.includes(platform) ? undefined : `no CUDA library ships for ${platform}`;
const path = join(prebuiltFolder(), NAME);

function cudaTest(name: string, reason: string | undefined, fn: () => void | Promise<void>) {
  Deno.test({ name: reason ? `${name} (ignored: ${reason})` : name, ignore: !!reason, fn });
}

async function toolMissing(tool: string): Promise<string | undefined> {
  return await isInstalled(tool) ? undefined : `${tool} is not installed (binutils)`;
}

function output(tool: string, ...args: string[]): string {
  const { success, stdout } = new Deno.Command(tool, { args }).outputSync();
  assert(success, `${tool} cannot read ${path}`);
  return new TextDecoder().decode(stdout);
}

async function header(name: string): Promise<string> {
  return await Deno.readTextFile(
    fromFileUrl(new URL(`../../native/include/${name}`, import.meta.url)),
  );
}

/** The functions that a header declares. */
async function declared(name: string): Promise<string[]> {
  const matches = (await header(name)).matchAll(/^CPCDR_API [^(]*?(cpcdr_\w+)\(/gm);
  return Array.from(matches, ([, symbol]) => symbol);
}

async function manifest(): Promise<NonNullable<Manifest["cuda"]>> {
  const { cuda }: Manifest = JSON.parse(
    await Deno.readTextFile(join(prebuiltFolder(), "manifest.json")),
  );
  assert(cuda, `the manifest names no CUDA library; ${REBUILD}`);
  return cuda!;
}

cudaTest("prebuilt CUDA library is built from the sources beside it", missing, async () => {
  assertEquals((await manifest()).sourceHash, await cudaSourceHash(), `it is stale; ${REBUILD}`);
});

cudaTest("prebuilt CUDA library is the file that its manifest names", missing, async () => {
  const bytes = await Deno.readFile(path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals((await manifest()).files, { [NAME]: { sha256, bytes: bytes.length } }, REBUILD);
  assert(bytes.length < LARGEST_BYTES, `${bytes.length} bytes are too many to ship`);
});

cudaTest(
  "prebuilt CUDA library exports what its headers declare and nothing else",
  missing ?? await toolMissing("nm"),
  async () => {
    const lines = output("nm", "-D", "--defined-only", path).trim().split("\n");
    const exported = lines.map((line) => line.split(" ").pop()!).sort();
    const wanted = [...await declared("cpcdr_hot.h"), ...await declared("cpcdr_cuda.h")].sort();
    assert(wanted.length > HOT_KERNELS.length);
    assertEquals(exported, wanted);
    assertEquals(Object.keys(cudaExports).sort(), wanted);
  },
);

cudaTest(
  "prebuilt CUDA library needs no driver to load, and no newer C library than Deno",
  missing ?? await toolMissing("objdump"),
  () => {
    const needed = [...output("objdump", "-p", path).matchAll(/NEEDED\s+(\S+)/g)];
    const allowed = /^(libc|libm|libpthread|libdl|librt|ld-linux-x86-64)\.so\.\d+$/;
    assert(needed.length > 0);
    assertEquals(needed.map(([, name]) => name).filter((name) => !allowed.test(name)), []);
    const versions = [...output("objdump", "-T", path).matchAll(/GLIBC_2\.(\d+)/g)];
    assert(versions.length > 0);
    const newest = Math.max(...versions.map(([, minor]) => Number(minor)));
    assert(newest <= OLDEST_GLIBC_MINOR, `it needs GLIBC_2.${newest}`);
  },
);

cudaTest("probeCuda() tells why there is no device as a value", missing, () => {
  const probe = probeCuda(path);
  try {
    assert(probe.library, probe.reason);
    const { symbols, runtime } = probe.library!;
    assertMatch(runtime, /^1\d\.\d$/);
    const line = describeCuda(probe);
    assertStringIncludes(line, `library for CUDA ${runtime} loaded`);
    if (probe.devices.length > 0) {
      assertMatch(probe.devices[0].capability, /^\d+\.\d$/);
      return assertStringIncludes(line, probe.devices[0].name);
    }
    assertMatch(probe.reason, /driver|device/i);
    assertMatch(probe.remedy, /driver|GPU/);
    assertStringIncludes(line, probe.reason);
    // Whatever else is asked of it without a device is a status with a message.
    const handle = new BigUint64Array(1);
    assert(symbols.cpcdr_cuda_create(0, handle) !== 0);
    assertEquals(handle[0], 0n);
    const sizes = Int32Array.of(1, 1, 1, 4, 0);
    assertEquals(symbols.cpcdr_label(0n, 0n, 0n, sizes, 0, 0), 1);
    assertMatch(
      new Deno.UnsafePointerView(symbols.cpcdr_last_error()!).getCString(),
      /no handle is in use/,
    );
    assertEquals(symbols.cpcdr_cuda_upload(0n, 0n, null, 0n), 1);
    assertEquals(symbols.cpcdr_cuda_destroy(0n), 0);
  } finally {
    probe.library?.close();
  }
});

Deno.test("probeCuda() tells that a file is no library", async () => {
  const file = await Deno.makeTempFile({ suffix: ".so" });
  try {
    await Deno.writeTextFile(file, "not a library");
    const { library, devices, reason, remedy } = probeCuda(file);
    assertEquals([library, devices], [undefined, []]);
    assertStringIncludes(reason, file);
    assertStringIncludes(remedy, "build:native --cuda");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("probeCuda() tells that a library is another one", () => {
  const { library, reason } = probeCuda(join(prebuiltFolder(), libraryName("cpu")));
  assertEquals(library, undefined);
  assert(reason.length > 0);
});

Deno.test("useDevice() refuses cuda without a usable library, and names the remedy", async () => {
  const before = Deno.env.get("CPCDR_CUDA_LIBRARY");
  Deno.env.set("CPCDR_CUDA_LIBRARY", "/nowhere/libcpcdr_cuda.so");
  try {
    const error = await assertRejects(() => useDevice("cuda"), DeviceError);
    assertMatch(
      error.message,
      /^Cannot use device cuda: .*nowhere.*; .*build:native.*--device cpu$/,
    );
  } finally {
    if (before === undefined) Deno.env.delete("CPCDR_CUDA_LIBRARY");
    else Deno.env.set("CPCDR_CUDA_LIBRARY", before);
  }
});
