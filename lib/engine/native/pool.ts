/**
 * Reused memory for tensors: V8's collector cannot keep up with large short-lived arrays.
 *
 * @module
 */

import { sizeClass } from "../size_class.ts";

/** Smaller arrays are left to the collector. */
const SMALLEST_BYTES = 1024;

/**
 * Lends Float32Arrays and takes them back, in blocks of size classes. A block that
 * {@linkcode BufferPool.release | escaped} belongs to whoever holds it and never comes back.
 */
export class BufferPool {
  readonly #idle = new Map<number, ArrayBuffer[]>();
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #bytes = 0;
  #lentBytes = 0;

  /** Bytes that lie idle. */
  get idleBytes(): number {
    return this.#bytes;
  }

  /** Bytes that are lent at present. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** An array of this length; its content is whatever was there before. */
  lend(length: number): Float32Array<ArrayBuffer> {
    if (length * 4 < SMALLEST_BYTES) return new Float32Array(length);
    const capacity = sizeClass(length * 4);
    let block = this.#idle.get(capacity)?.pop();
    if (block) this.#bytes -= capacity;
    else block = new ArrayBuffer(capacity);
    this.#lent.add(block);
    this.#lentBytes += capacity;
    return new Float32Array(block, 0, length);
  }

  /** Whether this memory is lent by the pool, so that nobody else holds it. Small arrays never are. */
  owns(memory: ArrayBufferLike): boolean {
    return this.#lent.has(memory);
  }

  /** Takes memory back; what the pool did not lend, or let go, is ignored. */
  giveBack(memory: ArrayBufferLike): void {
    if (!this.#lent.delete(memory)) return;
    const capacity = memory.byteLength;
    this.#lentBytes -= capacity;
    this.#bytes += capacity;
    const idle = this.#idle.get(capacity);
    if (idle) idle.push(memory as ArrayBuffer);
    else this.#idle.set(capacity, [memory as ArrayBuffer]);
  }

  /** Lets memory go for good, because somebody outside holds it. */
  release(memory: ArrayBufferLike): void {
    if (this.#lent.delete(memory)) this.#lentBytes -= memory.byteLength;
  }
}
