import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { findAdapter } from "../../../lib/engine/webgpu/adapter.ts";

type Info = { description: string; isFallbackAdapter: boolean };

/** A WebGPU that offers these adapters in turn. */
function offering(...infos: (Info | undefined)[]) {
  let next = 0;
  return {
    requestAdapter: () => {
      const info = infos[Math.min(next++, infos.length - 1)];
      return Promise.resolve(info ? { info } as unknown as GPUAdapter : null);
    },
  };
}

const llvmpipe = { description: "llvmpipe (LLVM 19, 256 bits)", isFallbackAdapter: true };
const swiftshader = { description: "SwiftShader Device (Subzero)", isFallbackAdapter: false };
const radeon = { description: "AMD Radeon RX 7900", isFallbackAdapter: false };

Deno.test("findAdapter() takes a GPU before a software adapter", async () => {
  const { found } = await findAdapter(offering(llvmpipe, radeon));
  assertEquals([found?.class, found?.description], ["gpu", radeon.description]);
});

Deno.test("findAdapter() knows a software adapter by its flag or its name", async () => {
  for (const info of [llvmpipe, swiftshader]) {
    assertEquals((await findAdapter(offering(info))).found?.class, "software");
  }
});

Deno.test("findAdapter() says why there is none", async () => {
  const without = await findAdapter(offering(undefined));
  assert(!without.found && without.reason.includes("install the GPU's"), JSON.stringify(without));
});

Deno.test("findAdapter() takes no device of a Deno that is too old", async () => {
  const old = await findAdapter(offering(radeon), {});
  assert(!old.found && old.reason.includes("use Deno 2.7 or newer"), JSON.stringify(old));
});

Deno.test("useDevice() without an adapter says why in one line", async () => {
  const device = new URL("../../../lib/engine/device.ts", import.meta.url);
  const code = `import { useDevice } from "${device}";
    try { await useDevice("webgpu"); } catch (error) { console.log(error.name, error.message); }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fromFileUrl(new URL("../../../deno.json", import.meta.url)), code],
    env: {
      VK_DRIVER_FILES: "/dev/null",
      VK_ICD_FILENAMES: "/dev/null",
      DENO_WEBGPU_BACKEND: "vulkan",
      NO_COLOR: "1",
    },
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  assertEquals(text.split("\n").length, 1, text);
  assert(/^DeviceError Cannot use device webgpu: no WebGPU adapter/.test(text), text);
  assert(text.endsWith("or use --device cpu"), text);
});
