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
import { libraryName, PLATFORM } from "../../lib/engine/native/platform.ts";
import { HOT_KERNELS } from "../../lib/engine/native/hot.ts";
import { DeviceError } from "../../lib/errors.ts";
import {
  exportedSymbols,
  type Manifest,
  readManifest,
  sha256,
} from "../../native/build_support.ts";
import { cudaSourceHash } from "../../native/build_cuda.ts";
import { HERE, prebuiltFolder } from "../../native/targets.ts";
import { lackOf, prebuiltTest, tell } from "./libraries.ts";

const SHIPPED = ["linux-x86_64"];
const REBUILD = "run: deno task build:native --cuda";
const NAME = "libcpcdr_cuda.so";
const LARGEST_BYTES = 4 * 1000 * 1000;
/** The C library of the oldest systems that Deno itself runs on. */
const OLDEST_GLIBC_MINOR = 27;

const missing = SHIPPED.includes(PLATFORM) ? undefined : `no CUDA library ships for ${PLATFORM}`;
const path = join(prebuiltFolder(), NAME);

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
  const { cuda } = (await readManifest(prebuiltFolder()))!;
  assert(cuda, `the manifest names no CUDA library; ${REBUILD}`);
  return cuda!;
}

prebuiltTest("prebuilt CUDA library is built from the sources beside it", missing, async () => {
  assertEquals((await manifest()).sourceHash, await cudaSourceHash(), `it is stale; ${REBUILD}`);
});

prebuiltTest("prebuilt CUDA library is the file that its manifest names", missing, async () => {
  const bytes = await Deno.readFile(path);
  const facts = { sha256: await sha256(bytes), bytes: bytes.length };
  assertEquals((await manifest()).files, { [NAME]: facts }, REBUILD);
  assert(bytes.length < LARGEST_BYTES, `${bytes.length} bytes are too many to ship`);
});

prebuiltTest(
  "prebuilt CUDA library exports what its headers declare and nothing else",
  missing ?? await lackOf("nm"),
  async () => {
    const exported = await exportedSymbols(path, HERE.lister);
    const wanted = [...await declared("cpcdr_hot.h"), ...await declared("cpcdr_cuda.h")].sort();
    assert(wanted.length > HOT_KERNELS.length);
    assertEquals(exported, wanted);
    assertEquals(Object.keys(cudaExports).sort(), wanted);
  },
);

prebuiltTest(
  "prebuilt CUDA library needs no driver to load, and no newer C library than Deno",
  missing ?? await lackOf("objdump"),
  () => {
    const needed = [...tell("objdump", path, "-p").matchAll(/NEEDED\s+(\S+)/g)];
    const allowed = /^(libc|libm|libpthread|libdl|librt|ld-linux-x86-64)\.so\.\d+$/;
    assert(needed.length > 0);
    assertEquals(needed.map(([, name]) => name).filter((name) => !allowed.test(name)), []);
    const versions = [...tell("objdump", path, "-T").matchAll(/GLIBC_2\.(\d+)/g)];
    assert(versions.length > 0);
    const newest = Math.max(...versions.map(([, minor]) => Number(minor)));
    assert(newest <= OLDEST_GLIBC_MINOR, `it needs GLIBC_2.${newest}`);
  },
);

prebuiltTest("probeCuda() tells why there is no device as a value", missing, () => {
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
