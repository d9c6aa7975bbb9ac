/**
 * Reused GPU buffers: creating one costs more than most kernels.
 *
 * @module
 */

import { sizeClass } from "../size_class.ts";

/** A storage buffer of a size class. */
export interface Block {
  /** Unlike any other block's. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** The batch of commands that used it last. */
  batch: number;
}

/** Kernels read and write four words at a time, so that every block is a whole number of them. */
const SMALLEST_BYTES = 256;

/**
 * Lends blocks of size classes and takes them back. A block may be lent again while commands on it
 * wait in the queue: the queue keeps their order.
 */
export class BlockPool {
  readonly #create: (bytes: number) => GPUBuffer;
  readonly #idle = new Map<number, Block[]>();
  #idleBytes = 0;
  #lentBytes = 0;
  #count = 0;

  /** @param create makes a storage buffer of so many bytes that can be copied from and to. */
  constructor(create: (bytes: number) => GPUBuffer) {
    this.#create = create;
  }

  /** Bytes that lie idle. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Bytes that are lent at present. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** A block of at least so many bytes; its content is whatever was there before. */
  lend(bytes: number): Block {
    return this.#lend(bytes, (idle) => idle.pop());
  }

  /** A block that no command of the given batch uses: what is written to it from here comes first. */
  lendUnused(bytes: number, batch: number): Block {
    return this.#lend(bytes, (idle) => {
      const at = idle.findIndex((block) => block.batch < batch);
      return at < 0 ? undefined : idle.splice(at, 1)[0];
    });
  }

  #lend(bytes: number, take: (idle: Block[]) => Block | undefined): Block {
    const capacity = sizeClass(Math.max(bytes, SMALLEST_BYTES));
    this.#lentBytes += capacity;
    const idle = this.#idle.get(capacity);
    const block = idle && take(idle);
    if (block) {
      this.#idleBytes -= capacity;
      return block;
    }
    return { id: this.#count++, buffer: this.#create(capacity), bytes: capacity, batch: -1 };
  }

  /** Takes a block back. */
  giveBack(block: Block): void {
    this.#lentBytes -= block.bytes;
    this.#idleBytes += block.bytes;
    const idle = this.#idle.get(block.bytes);
    if (idle) idle.push(block);
    else this.#idle.set(block.bytes, [block]);
  }

  /** Destroys all idle blocks. */
  clear(): void {
    for (const blocks of this.#idle.values()) blocks.forEach(({ buffer }) => buffer.destroy());
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}
