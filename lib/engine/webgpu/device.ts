/**
 * An opened WebGPU device whose failures become errors that name the remedy.
 *
 * @module
 */

import { DeviceError, DeviceLostError, DeviceMemoryError } from "../../errors.ts";
import type { AdapterClass, FoundAdapter } from "./adapter.ts";

/** Settings of {@linkcode openDevice}. */
export interface OpenOptions {
  /** Asks for no more than what every WebGPU device has; off by default. */
  readonly defaultLimits?: boolean;
  /** Asked for where the adapter has them; none by default. */
  readonly features?: readonly GPUFeatureName[];
}

/** The limits that are raised where the adapter allows it, and up to what. */
const RAISED = {
  // Of large tensors.
  maxStorageBufferBindingSize: Infinity,
  maxBufferSize: Infinity,
  // Of blocks of products.
  maxComputeWorkgroupStorageSize: Infinity,
  // Of updates of several parameters.
  maxStorageBuffersPerShaderStage: 64,
} as const;

/** Opens a device. @throws {DeviceError} when the adapter refuses. */
export async function openDevice(
  { adapter, class: adapterClass, description }: FoundAdapter,
  { defaultLimits = false, features = [] }: OpenOptions = {},
): Promise<OpenedDevice> {
  const requiredLimits = defaultLimits ? {} : Object.fromEntries(
    Object.entries(RAISED).map(([name, most]) => [
      name,
      Math.min(adapter.limits[name as keyof typeof RAISED], most),
    ]),
  );
  try {
    const device = await adapter.requestDevice({
      requiredLimits,
      requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    });
    return new OpenedDevice(device, adapterClass, description);
  } catch (error) {
    throw new DeviceError(
      `Cannot open ${description}: ${error instanceof Error ? error.message : error}; ` +
        "use --device cpu",
    );
  }
}

/**
 * The device with what went wrong on it. WebGPU reports errors after the fact, so that every command
 * {@linkcode OpenedDevice.check | checks} for an earlier failure first.
 */
export class OpenedDevice {
  readonly handle: GPUDevice;
  readonly class: AdapterClass;
  readonly description: string;
  readonly #pending = new Set<Promise<void>>();
  #failure: DeviceError | undefined;

  constructor(handle: GPUDevice, adapterClass: AdapterClass, description: string) {
    this.handle = handle;
    this.class = adapterClass;
    this.description = description;
    handle.lost.then(({ message }) => {
      this.#fail(
        new DeviceLostError(
          `Cannot go on on ${description}: the device was lost (${message}); ` +
            "start again with --resume, or use --device cpu",
        ),
      );
    });
    handle.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fail(this.#named(error, "run a command"));
    });
  }

  /** @throws {DeviceError} what went wrong first, if anything did. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Waits until every guarded call so far is known to have worked. @throws {DeviceError} */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.check();
  }

  /** After a call that failed: waits for the reason. @throws {DeviceError} where one is known. */
  async explain(): Promise<void> {
    // A lost device says so one turn of the event loop after its calls fail.
    await new Promise((resolve) => setTimeout(resolve));
    this.check();
  }

  /** Runs a call that creates something; its errors come out of the next check. */
  guard<T>(doing: string, create: () => T): T {
    this.handle.pushErrorScope("out-of-memory");
    this.handle.pushErrorScope("validation");
    const result = create();
    for (let scope = 0; scope < 2; scope++) {
      const settled = this.#closeScope(doing).finally(() => this.#pending.delete(settled));
      this.#pending.add(settled);
    }
    return result;
  }

  /** Before 2.7 Deno answers no promise, but the error itself or nothing, which is awaited as well. */
  async #closeScope(doing: string): Promise<void> {
    try {
      const error = await this.handle.popErrorScope();
      if (error) this.#fail(this.#named(error, doing));
    } catch {
      // The device is gone, which `lost` reports.
    }
  }

  #named(error: GPUError, doing: string): DeviceError {
    const memory = error instanceof GPUOutOfMemoryError || /memory/i.test(error.message);
    if (!memory) return new DeviceError(`Cannot ${doing} on ${this.description}: ${error.message}`);
    return new DeviceMemoryError(
      `Cannot ${doing} on ${this.description}: out of memory; ` +
        "use a smaller batch or smaller frames, or --device cpu",
    );
  }

  #fail(failure: DeviceError): void {
    this.#failure ??= failure;
  }
}
