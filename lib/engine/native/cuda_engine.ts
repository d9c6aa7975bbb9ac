/**
 * The hot kernels on a GPU, called with arrays of the process: inputs are copied to the device, results back.
 *
 * @module
 */

import { DeviceError, DeviceMemoryError } from "../../errors.ts";
import type { CudaDevice, CudaLibrary } from "./cuda_library.ts";
import type { HotLibrary } from "./hot.ts";

/** `exact` multiplies as float32; `tf32` rounds factors to 10 bits of mantissa, on tensor cores (8.0 and newer). */
export type CudaPrecision = "exact" | "tf32";

const PRECISIONS = { exact: 0, tf32: 1 } as const;
const SOURCE_ARRAYS = 3;
/** The status of native/include/cpcdr_hot.h that says so. */
const OUT_OF_MEMORY = 2;

/** What the FFI takes for a `buffer`. */
type Source = ArrayBufferView<ArrayBuffer> | ArrayBuffer;

/** Memory of the device that goes from call to call. */
interface Block {
  readonly address: bigint;
  readonly bytes: number;
  busy: boolean;
}

/**
 * A handle on one device. It belongs to the thread that made it, and frees its memory when it is disposed of.
 */
export class CudaEngine implements HotLibrary, Disposable {
  /**
   * The kernels on this device.
   *
   * @internal
   */
  readonly symbols: HotLibrary["symbols"];
  /** A property, since callers take it out of its object. */
  readonly check: HotLibrary["check"];
  readonly #library: CudaLibrary;
  #open = 0n;
  #blocks: Block[] = [];
  readonly #results: { readonly array: Source; readonly address: bigint }[] = [];

  /**
   * Opens a device.
   *
   * @throws {DeviceError} when the device cannot be used, or not with this precision.
   */
  constructor(
    library: CudaLibrary,
    readonly device: CudaDevice,
    precision: CudaPrecision = "exact",
  ) {
    this.#library = library;
    this.check = library.check;
    const handle = new BigUint64Array(1);
    library.check(library.symbols.cpcdr_cuda_create(device.index, handle));
    this.#open = handle[0];
    this.symbols = this.#kernels();
    try {
      library.check(
        library.symbols.cpcdr_cuda_set_precision(this.#handle, PRECISIONS[precision]),
      );
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Frees its memory, once; the library stays open. Kernels throw from here on. */
  [Symbol.dispose](): void {
    if (this.#open === 0n) return;
    this.#free(this.#blocks);
    this.#library.symbols.cpcdr_cuda_destroy(this.#open);
    this.#open = 0n;
  }

  /** @throws {DeviceError} where it was disposed of. */
  get #handle(): bigint {
    if (this.#open !== 0n) return this.#open;
    throw new DeviceError(
      `Cannot use ${this.device.name}: its engine was disposed of; choose a device again`,
    );
  }

  #kernels(): HotLibrary["symbols"] {
    const { symbols } = this.#library;
    const put = (array: AllowSharedBufferSource | null) => this.#input(array);
    const get = (array: AllowSharedBufferSource | null) => this.#output(array);
    const call = (run: () => number) => this.#call(run);
    return {
      cpcdr_label: (maps, labels, counts, sizes, maxJump, background) =>
        call(() =>
          symbols.cpcdr_label(put(maps), get(labels), get(counts), sizes, maxJump, background)
        ),
      cpcdr_label_surfaces: (points, normals, heights, kinds, labels, counts, sizes, ...rule) =>
        call(() =>
          symbols.cpcdr_label_surfaces(
            put(points),
            put(normals),
            put(heights),
            put(kinds),
            get(labels),
            get(counts),
            sizes,
            ...rule,
          )
        ),
      cpcdr_label_statistics: (labels, values, points, boxes, means, borders, found, sizes) =>
        call(() =>
          symbols.cpcdr_label_statistics(
            put(labels),
            put(values),
            put(points),
            get(boxes),
            get(means),
            get(borders),
            get(found),
            sizes,
          )
        ),
      cpcdr_composite: (sources, offsets, pastes, views, images, copies, regions, shown, sizes) =>
        call(() =>
          symbols.cpcdr_composite(
            this.#uploadSources(sources as BigUint64Array, sizes as Int32Array),
            offsets,
            pastes,
            views,
            get(images),
            get(copies),
            get(regions),
            get(shown),
            sizes,
          )
        ),
      cpcdr_similarity: (a, b, out, sizes) =>
        call(() => symbols.cpcdr_similarity(put(a), put(b), get(out), sizes)),
      cpcdr_prototype_loss: (
        features,
        prototypes,
        groups,
        result,
        nearest,
        dfeatures,
        dprototypes,
        ...rest
      ) =>
        call(() =>
          symbols.cpcdr_prototype_loss(
            put(features),
            put(prototypes),
            put(groups),
            get(result),
            get(nearest),
            get(dfeatures),
            get(dprototypes),
            ...rest,
          )
        ),
    };
  }

  /** {@linkcode CudaEngine.#run}; where memory is short, once more with nothing kept of calls before. */
  #call(run: () => number): number {
    try {
      const status = this.#run(run);
      if (status !== OUT_OF_MEMORY) return status;
    } catch (error) {
      if (!(error instanceof DeviceMemoryError)) throw error;
    }
    this.#free(this.#blocks);
    return this.#run(run);
  }

  /** Runs a kernel and copies its results back; answers the first status that is not 0. */
  #run(run: () => number): number {
    const { symbols } = this.#library;
    for (const block of this.#blocks) block.busy = false;
    this.#results.length = 0;
    let status = symbols.cpcdr_cuda_use(this.#handle) || run();
    for (const { array, address } of this.#results) {
      status ||= symbols.cpcdr_cuda_download(
        this.#handle,
        array,
        address,
        BigInt(array.byteLength),
      );
    }
    return status || symbols.cpcdr_cuda_synchronize(this.#handle);
  }

  /** The address of a copy of an array; 0 for null. */
  #input(array: AllowSharedBufferSource | null): bigint {
    if (array === null) return 0n;
    const address = this.#take(array.byteLength);
    this.check(
      this.#library.symbols.cpcdr_cuda_upload(
        this.#handle,
        address,
        array,
        BigInt(array.byteLength),
      ),
    );
    return address;
  }

  /** The address where a result comes to be; 0 for null. */
  #output(array: AllowSharedBufferSource | null): bigint {
    if (array === null) return 0n;
    const address = this.#take(array.byteLength);
    this.#results.push({ array: array as Source, address });
    return address;
  }

  /** Addresses on the device of what addresses of the process point to: colours, disparities and ids of sources. */
  #uploadSources(addresses: BigUint64Array, sizes: Int32Array): BigUint64Array<ArrayBuffer> {
    const pixels = sizes[1] * sizes[2], bytes = [3 * pixels, 4 * pixels, 4 * pixels];
    const lengths = BigInt64Array.from(addresses, (_, i) => BigInt(bytes[i % SOURCE_ARRAYS]));
    const to = BigUint64Array.from(lengths, (length) => this.#take(Number(length)));
    this.check(
      this.#library.symbols.cpcdr_cuda_upload_all(
        this.#handle,
        to,
        addresses as BigUint64Array<ArrayBuffer>,
        lengths,
        to.length,
      ),
    );
    return to;
  }

  #free(blocks: readonly Block[]): void {
    for (const { address } of blocks) {
      this.#library.symbols.cpcdr_cuda_free(this.#handle, address);
    }
    this.#blocks = this.#blocks.filter((block) => !blocks.includes(block));
  }

  /**
   * The smallest block that is free and large enough, or a new one. For that the others that are free make room: each
   * is smaller than what is needed now, and would be kept beside it for nothing.
   *
   * @throws {DeviceMemoryError} where the device has no such block.
   */
  #take(bytes: number): bigint {
    const fitting = this.#blocks.filter((block) => !block.busy && block.bytes >= bytes);
    let block = fitting.sort((a, b) => a.bytes - b.bytes).at(0);
    if (!block) {
      this.#free(this.#blocks.filter((block) => !block.busy));
      const address = new BigUint64Array(1);
      const status = this.#library.symbols.cpcdr_cuda_alloc(this.#handle, BigInt(bytes), address);
      if (status === OUT_OF_MEMORY) {
        throw new DeviceMemoryError(
          `Cannot compute on ${this.device.name}: expected ${bytes} bytes of its memory more, got none; use --device cpu`,
        );
      }
      this.check(status);
      block = { address: address[0], bytes, busy: false };
      this.#blocks.push(block);
    }
    block.busy = true;
    return block.address;
  }
}
