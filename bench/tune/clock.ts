/**
 * How long the GPU works on what one gives it: by its own timestamps where it has them, else by the wall's
 * clock, over many runs.
 *
 * @module
 */

import type { WebGpuBackend } from "../../lib/engine/webgpu/backend.ts";

/** Passes that one measurement may have. */
export const PASSES = 32;

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

  /**
   * Seconds of one run. `passes` groups of `count` runs are sent off without a wait between them, so that the card has no
   * time to lower its clock, and the median of the later half counts, by when it has raised it.
   */
  async seconds(
    backend: WebGpuBackend,
    run: () => void,
    { count, passes }: { readonly count: number; readonly passes: number },
  ): Promise<number> {
    // What came before must have been recorded.
    backend.flush();
    this.#passes = 0;
    const started = performance.now();
    const over: Promise<unknown>[] = [];
    for (let pass = 0; pass < passes; pass++) {
      over.push(backend.time(() => {
        for (let i = 0; i < count; i++) run();
      }));
    }
    await Promise.all(over);
    const elapsed = (performance.now() - started) / 1000;
    // Kernels of a group that do not fit a batch have a pass of their own.
    if (!this.#queries || this.#passes !== passes) return elapsed / passes / count;
    const times = await this.#read(this.#queries, 2 * passes);
    const each = Array.from({ length: passes }, (_, pass) => (
      Number(times[2 * pass + 1] - times[2 * pass]) / 1e9
    ));
    const later = each.slice(passes >> 1).sort((a, b) => a - b);
    return later[later.length >> 1] / count;
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
