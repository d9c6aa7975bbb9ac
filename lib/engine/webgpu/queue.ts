/**
 * Commands on their way to the GPU: many kernels go in one batch, with their uniforms in one buffer.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { OpenedDevice } from "./device.ts";
import type { Pipeline } from "./pipelines.ts";
import type { Block } from "./pool.ts";
import type { Extent } from "./program.ts";

/** A block and how many bytes of it a kernel sees. */
export interface Binding {
  readonly block: Block;
  readonly bytes: number;
}

/** Bytes of a kernel's uniforms, and the alignment that every device accepts. */
const SLOT_BYTES = 256;

/** Kernels in a batch: of 16, 64 and 256 the fastest for a training step, on llvmpipe. */
const BATCH = 64;

/** Bind groups that are kept; beyond that all are made anew. */
const GROUPS = 8192;

/** See the module's comment. */
export class CommandQueue {
  readonly #device: OpenedDevice;
  readonly #uniforms: GPUBuffer;
  readonly #slots = new ArrayBuffer(BATCH * SLOT_BYTES);
  readonly #view = new DataView(this.#slots);
  readonly #offset = new Uint32Array(1);
  readonly #groups = new Map<string, GPUBindGroup>();
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #count = 0;
  #batch = 0;

  constructor(device: OpenedDevice) {
    this.#device = device;
    this.#uniforms = device.handle.createBuffer({
      label: "uniforms",
      size: this.#slots.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Number of the batch that is being recorded. */
  get batch(): number {
    return this.#batch;
  }

  /** Records one run of a compiled program. */
  dispatch(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    uniforms: Readonly<Record<string, number>>,
    groups: Extent,
  ): void {
    this.#device.check();
    const offset = this.#count * SLOT_BYTES;
    this.#writeUniforms(pipeline, uniforms, offset);
    this.#encoder ??= this.#device.handle.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(pipeline.handle);
    this.#offset[0] = offset;
    this.#pass.setBindGroup(0, this.#group(pipeline, bindings), this.#offset, 0, 1);
    this.#pass.dispatchWorkgroups(...groups);
    for (const { block } of bindings) block.batch = this.#batch;
    if (++this.#count === BATCH) this.flush();
  }

  /** Writes from here; the block must be {@linkcode BlockPool.lendUnused | unused} in this batch. */
  write(block: Block, words: ArrayBufferView<ArrayBuffer>): void {
    this.#device.check();
    // Deno ends the process at a write of nothing.
    if (words.byteLength === 0) return;
    this.#device.handle.queue.writeBuffer(
      block.buffer,
      0,
      words.buffer,
      words.byteOffset,
      words.byteLength,
    );
  }

  /** Records a copy, after all kernels so far, and sends the batch off. */
  copyOut(from: Block, to: GPUBuffer, bytes: number): void {
    this.#device.check();
    this.#endPass();
    this.#encoder ??= this.#device.handle.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(from.buffer, 0, to, 0, bytes);
    this.flush();
  }

  /** Sends off what is recorded. */
  flush(): void {
    if (!this.#encoder) return;
    this.#endPass();
    const { queue } = this.#device.handle;
    const used = this.#count * SLOT_BYTES;
    // The queue writes after the batches that were sent off before, which may still read the buffer.
    if (used > 0) queue.writeBuffer(this.#uniforms, 0, this.#slots, 0, used);
    queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#count = 0;
    this.#batch++;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #writeUniforms(
    { uniforms }: Pipeline,
    values: Readonly<Record<string, number>>,
    offset: number,
  ): void {
    if (uniforms.length * 4 > SLOT_BYTES) {
      throw new DeviceError(
        `Cannot run a kernel: expected at most ${SLOT_BYTES / 4} uniforms, got ${uniforms.length}`,
      );
    }
    for (const [name, type] of uniforms) {
      if (type === "f32") this.#view.setFloat32(offset, values[name], true);
      else this.#view.setInt32(offset, values[name], true);
      offset += 4;
    }
  }

  #group({ layout, layoutKey }: Pipeline, bindings: readonly Binding[]): GPUBindGroup {
    let key = layoutKey;
    for (const { block, bytes } of bindings) key += ` ${block.id}:${bytes}`;
    let group = this.#groups.get(key);
    if (group) return group;
    if (this.#groups.size >= GROUPS) this.#groups.clear();
    const resources = [
      { buffer: this.#uniforms, size: SLOT_BYTES },
      ...bindings.map(({ block, bytes }) => ({ buffer: block.buffer, size: bytes })),
    ];
    group = this.#device.handle.createBindGroup({
      layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    this.#groups.set(key, group);
    return group;
  }
}
