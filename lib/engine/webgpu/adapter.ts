/**
 * Finding an adapter: what WebGPU runs on here, and whether that is a GPU at all.
 *
 * @module
 */

/** A GPU, or a program that stands in for one on the processor (llvmpipe, SwiftShader, WARP). */
export type AdapterClass = "gpu" | "software";

/** An adapter and what people call it. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly class: AdapterClass;
  readonly description: string;
}

/** What {@linkcode findAdapter} found, or why there is none. */
export type AdapterProbe =
  | { readonly found: FoundAdapter }
  | { readonly found?: undefined; readonly reason: string };

const REMEDY = Deno.build.os === "linux"
  ? "install the GPU's Vulkan driver, or mesa-vulkan-drivers for one in software"
  : "install the GPU's driver";

/**
 * The best adapter: the first GPU among those that the system offers for speed, for economy and by
 * default, else a software one.
 *
 * @param device What every device has. Those of a Deno before 2.6.4 tell nobody when they are lost, and do not
 * compile all kernels either.
 */
export async function findAdapter(
  gpu: Pick<GPU, "requestAdapter"> | undefined = navigator.gpu,
  device: object = gpu ? GPUDevice.prototype : {},
): Promise<AdapterProbe> {
  if (!gpu) return { reason: "this Deno has no WebGPU; use Deno 2.7 or newer" };
  if (!("lost" in device)) {
    return { reason: "the WebGPU of this Deno is too old; use Deno 2.7 or newer" };
  }
  const wishes: GPURequestAdapterOptions[] = [
    { powerPreference: "high-performance" },
    { powerPreference: "low-power" },
    {},
  ];
  let software: FoundAdapter | undefined;
  for (const wish of wishes) {
    const adapter = await withDefaults(() => gpu.requestAdapter(wish));
    if (!adapter) continue;
    const found = describe(adapter);
    if (found.class === "gpu") return { found };
    software ??= found;
  }
  return software ? { found: software } : { reason: `no WebGPU adapter was found; ${REMEDY}` };
}

/**
 * What requests find in the environment on Linux where the user says nothing else. Mesa's drivers complain on
 * stderr without a runtime folder, which servers and containers rarely have, though nothing here needs
 * it. OpenGL is left out: a process that has loaded libEGL aborts now and then when it ends, since that
 * library's finaliser runs beside Deno's last threads.
 */
const LINUX_DEFAULTS = { XDG_RUNTIME_DIR: "/tmp", DENO_WEBGPU_BACKEND: "vulkan" };

async function withDefaults<T>(request: () => Promise<T>): Promise<T> {
  if (Deno.build.os !== "linux") return await request();
  const missing = Object.entries(LINUX_DEFAULTS).filter(([name]) => !Deno.env.has(name));
  for (const [name, value] of missing) Deno.env.set(name, value);
  try {
    return await request();
  } finally {
    for (const [name] of missing) Deno.env.delete(name);
  }
}

/** Whether convolutions can be computed in mixed precision: a software adapter has no blocks that would. */
export function takesMixed({ adapter, class: adapterClass }: FoundAdapter): boolean {
  return adapterClass === "gpu" && adapter.features.has("shader-f16");
}

const SOFTWARE = /llvmpipe|lavapipe|softpipe|swiftshader|basic render|\bwarp\b/i;

function describe(adapter: GPUAdapter): FoundAdapter {
  const { info } = adapter;
  const description = info.description || `${info.vendor} ${info.device}`;
  const software = info.isFallbackAdapter || SOFTWARE.test(description);
  return { adapter, class: software ? "software" : "gpu", description };
}
