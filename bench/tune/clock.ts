/**
 * How long the GPU works on what one gives it: by its own timestamps where it has them, else by the wall's
 * clock, over many runs.
 *
 * @module
 */

import type { WebGpuBackend } from "../../lib/engine/webgpu/backend.ts";

/** Passes that one measurement may have. */
const PASSES = 32;

/** See the module's comment. */
export class GpuClock implements Disposable {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet | undefined;
  #passes = 0;

  /** From here on the device's encoders note the time at both ends of each pass. */
  constructor(device: GPUDevice) {
    this.#device = device;
    if (!device.features.has("timestamp-query")) return;
    const queries = device.createQuerySet({ type: "timestamp", count: 2 * PASSES });
    this.#queries = queries;
    const create = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = create(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = () => {
        if (this.#passes >= PASSES) return begin();
        const first = 2 * this.#passes++;
        return begin({
          timestampWrites: {
            querySet: queries,
            beginningOfPassWriteIndex: first,
            endOfPassWriteIndex: first + 1,
          },
        });
      };
      return encoder;
    };
  }

  /** Whether it is the GPU's own clock. */
  get exact(): boolean {
    return this.#queries !== undefined;
  }

  /** Seconds from the first kernel that `run` gives to the last. */
  async seconds(backend: WebGpuBackend, run: () => void): Promise<number> {
    // What came before must be over.
    await backend.time(() => {});
    this.#passes = 0;
    const { kernelMs } = await backend.time(run);
    const passes = this.#passes;
    if (!this.#queries || passes === 0) return kernelMs / 1000;
    const times = await this.#read(this.#queries, 2 * passes);
    return Number(times[2 * passes - 1] - times[0]) / 1e9;
  }

  async #read(queries: GPUQuerySet, count: number): Promise<BigUint64Array> {
    const size = 8 * count;
    const resolved = this.#device.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const read = this.#device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const times = new BigUint64Array(read.getMappedRange().slice(0));
    for (const buffer of [resolved, read]) buffer.destroy();
    return times;
  }

  [Symbol.dispose](): void {
    this.#queries?.destroy();
  }
}
