/**
 * The WebGPU engine as a tfjs-core backend. A tensor's values are on the GPU, on the host, or both: what
 * the host knows goes to the GPU when a kernel first needs it, and comes back only when it is read.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError, DeviceMemoryError } from "../../errors.ts";
import type { Precision } from "../precision.ts";
import type { OpenedDevice } from "./device.ts";
import { PipelineCache } from "./pipelines.ts";
import { type Block, BlockPool } from "./pool.ts";
import { type Program, SOFTWARE_ITERATIONS, type Variant } from "./program.ts";
import { type Binding, CommandQueue } from "./queue.ts";
import { fitting, type Tiles, tilesOf } from "./tiles.ts";
import { fromWords, type HostValues, toWords } from "./words.ts";

/** Name under which the backend and its kernels are registered. */
export const BACKEND_NAME = "webgpu";

type DataId = tf.TensorInfo["dataId"];

/** Where the values of tensors that share them are. */
interface Stored {
  readonly dtype: tf.DataType;
  readonly size: number;
  references: number;
  host?: HostValues;
  block?: Block;
  /** Of complex values, in place of memory of their own. */
  parts?: Parts;
}

/** Real and imaginary parts, each a tensor of floats. */
export type Parts = readonly [real: tf.TensorInfo, imaginary: tf.TensorInfo];

/** Uploaded values that are larger are not kept on the host: indices and positions stay known. */
const KEPT_BYTES = 4 << 20;

/** Settings of {@linkcode WebGpuBackend}. */
export interface WebGpuOptions {
  /** Those of the device's class, unless one wants to try others. */
  readonly tiles?: Tiles;
  /** `float32` by default; `mixed` wants a device that was opened with `shader-f16`. */
  readonly precision?: Precision;
}

/** See the module's comment. */
export class WebGpuBackend extends tf.KernelBackend {
  readonly tiles: Tiles;
  /** `mixed` where blocks of convolutions multiply float16 (block_tile.ts). */
  readonly precision: Precision;
  readonly pool: BlockPool;
  readonly #device: OpenedDevice;
  readonly #pipelines: PipelineCache;
  readonly #queue: CommandQueue;
  readonly #stored: tf.DataStorage<Stored>;

  /**
   * @param device is used from here on; it stays the caller's.
   */
  constructor(
    device: OpenedDevice,
    { tiles = tilesOf[device.class], precision = "float32" }: WebGpuOptions = {},
  ) {
    super();
    this.#device = device;
    this.precision = precision;
    this.tiles = fitting(tiles, device.handle.limits);
    this.#pipelines = new PipelineCache(device);
    this.#queue = new CommandQueue(device);
    this.#stored = new tf.DataStorage(this, tf.engine());
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.pool = new BlockPool((size) =>
      device.guard(
        `allocate ${(size / 2 ** 20).toFixed(1)} MiB`,
        () => device.handle.createBuffer({ size, usage }),
      )
    );
  }

  /** Bytes of the largest tensor that the device takes. */
  get largestBytes(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.handle.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  /** Tensors that one kernel can read and write. */
  get mostBindings(): number {
    return this.#device.handle.limits.maxStorageBuffersPerShaderStage;
  }

  /** Loop iterations that an invocation may take; more must be cut into parts. */
  get mostIterations(): number {
    return this.#device.class === "software" ? SOFTWARE_ITERATIONS : Infinity;
  }

  /** A tensor for kernels to write, its memory not initialised. */
  output(shape: readonly number[], dtype: tf.DataType = "float32"): tf.TensorInfo {
    const size = tf.util.sizeFromShape(shape as number[]);
    if (size === 0) return this.known(shape, dtype, new Float32Array(0));
    this.#device.check();
    const block = this.pool.lend(this.#checkedBytes(size, shape));
    return this.#info(shape, { dtype, size, references: 1, block });
  }

  /** A tensor whose values the host knows. */
  known(shape: readonly number[], dtype: tf.DataType, host: HostValues): tf.TensorInfo {
    const size = tf.util.sizeFromShape(shape as number[]);
    return this.#info(shape, { dtype, size, references: 1, host });
  }

  /** Another tensor of the same values under another shape. */
  alias(info: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** A tensor of complex numbers, which shares the values of its parts; the caller keeps those. */
  complex([real, imaginary]: Parts): tf.TensorInfo {
    const parts = [this.alias(real, real.shape), this.alias(imaginary, real.shape)] as const;
    const size = tf.util.sizeFromShape(real.shape);
    return this.#info(real.shape, { dtype: "complex64", size, references: 1, parts });
  }

  /** The parts of complex numbers, which stay the tensor's own. */
  partsOf({ dataId, shape }: tf.TensorInfo): Parts {
    const [real, imaginary] = this.#stored.get(dataId).parts!;
    return [{ ...real, shape }, { ...imaginary, shape }];
  }

  /** A tensor's values where the host knows them, having uploaded them. */
  valuesOf({ dataId }: tf.TensorInfo): HostValues | undefined {
    return this.#stored.get(dataId).host;
  }

  /**
   * Records one run of a program. What it writes must be this engine's own.
   *
   * @throws {DeviceError} where it would loop more often than the adapter can.
   */
  run<V extends Variant>(program: Program<tf.TensorInfo, V>): void {
    if (program.groups.includes(0)) return;
    const { shader, iterations = 0 } = program;
    if (iterations > this.mostIterations) {
      throw new DeviceError(
        `Cannot run ${shader.name} on ${this.#device.description}: expected at most ${this.mostIterations} loop ` +
          `iterations, after which a software adapter may end loops early, got ${iterations}; use --device cpu`,
      );
    }
    const bindings = [
      ...program.reads.map((info) => this.#bind(info)),
      ...program.writes.map((info) => this.#bind(info)),
    ];
    for (const { dataId } of program.writes) this.#stored.get(dataId).host = undefined;
    const pipeline = this.#pipelines.get(program as Program<unknown>);
    this.#queue.dispatch(pipeline, bindings, program.uniforms, program.groups);
  }

  /** Frees intermediate tensors. */
  release(...infos: readonly tf.TensorInfo[]): void {
    for (const { dataId } of infos) this.disposeData(dataId);
  }

  override write(
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
  ): DataId {
    return this.known(shape, dtype, values as HostValues).dataId;
  }

  override move(
    dataId: DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    const size = tf.util.sizeFromShape(shape);
    this.#stored.set(dataId, { dtype, size, references, host: values as HostValues });
  }

  override async read(dataId: DataId): Promise<tf.backend_util.BackendValues> {
    const { host, block, dtype, size, parts } = this.#stored.get(dataId);
    if (host) return host as tf.backend_util.BackendValues;
    if (parts) {
      const [real, imaginary] = await Promise.all(parts.map((part) => this.read(part.dataId)));
      return tf.backend_util.mergeRealAndImagArrays(
        real as Float32Array,
        imaginary as Float32Array,
      );
    }
    const bytes = size * 4;
    const staging = this.#device.guard("read a tensor", () =>
      this.#device.handle.createBuffer({
        size: bytes,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }));
    this.#queue.copyOut(block!, staging, bytes);
    try {
      await staging.mapAsync(GPUMapMode.READ);
      await this.#device.settle();
      return fromWords(staging.getMappedRange(), dtype) as tf.backend_util.BackendValues;
    } catch (error) {
      await this.#device.explain();
      throw error;
    } finally {
      staging.destroy();
    }
  }

  /** @throws {DeviceError} unless the host knows the values. */
  override readSync(dataId: DataId): tf.backend_util.BackendValues {
    const { host, parts } = this.#stored.get(dataId);
    if (host) return host as tf.backend_util.BackendValues;
    if (parts) {
      const [real, imaginary] = parts.map((part) => this.readSync(part.dataId) as Float32Array);
      return tf.backend_util.mergeRealAndImagArrays(real, imaginary);
    }
    throw new DeviceError(
      "Cannot read a tensor synchronously: expected values that the host knows, got ones that are " +
        "on the GPU alone; use await tensor.data()",
    );
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#stored.has(dataId)) return true;
    const stored = this.#stored.get(dataId);
    stored.references--;
    if (!force && stored.references > 0) return false;
    if (stored.block) this.pool.giveBack(stored.block);
    this.release(...stored.parts ?? []);
    this.#stored.delete(dataId);
    return true;
  }

  override refCount(dataId: DataId): number {
    return this.#stored.has(dataId) ? this.#stored.get(dataId).references : 0;
  }

  override incRef(dataId: DataId): void {
    this.#stored.get(dataId).references++;
  }

  decRef(dataId: DataId): void {
    if (this.#stored.has(dataId)) this.#stored.get(dataId).references--;
  }

  override numDataIds(): number {
    return this.#stored.numDataIds();
  }

  override memory(): { unreliable: boolean; reasons: string[] } & Record<string, unknown> {
    return {
      unreliable: false,
      reasons: [],
      poolIdleBytes: this.pool.idleBytes,
      poolLentBytes: this.pool.lentBytes,
    };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override timerAvailable(): boolean {
    return false;
  }

  /** Frees idle memory. The device stays with whoever opened it. */
  override dispose(): void {
    this.pool.clear();
  }

  /** Sends off what is recorded. */
  flush(): void {
    this.#queue.flush();
  }

  /** Milliseconds from the call until the GPU is done. */
  override async time(run: () => void): Promise<{ kernelMs: number }> {
    const started = performance.now();
    run();
    this.#queue.flush();
    await this.#device.handle.queue.onSubmittedWorkDone();
    return { kernelMs: performance.now() - started };
  }

  #info(shape: readonly number[], stored: Stored): tf.TensorInfo {
    const dataId = {};
    this.#stored.set(dataId, stored);
    return { dataId, shape: [...shape], dtype: stored.dtype };
  }

  /** Puts values that only the host has onto the GPU. */
  #bind({ dataId, shape }: tf.TensorInfo): Binding {
    const stored = this.#stored.get(dataId);
    const bytes = this.#checkedBytes(stored.size, shape);
    if (!stored.block) {
      const words = toWords(stored.host!, stored.dtype);
      stored.block = this.pool.lendUnused(bytes, this.#queue.batch);
      this.#queue.write(stored.block, words);
      if (words.byteLength > KEPT_BYTES) stored.host = undefined;
    }
    return { block: stored.block, bytes };
  }

  /** Bytes of so many words, in whole vectors of four. @throws {DeviceMemoryError} */
  #checkedBytes(size: number, shape: readonly number[]): number {
    const bytes = Math.max(1, Math.ceil(size / 4)) * 16, limit = this.largestBytes;
    if (bytes <= limit) return bytes;
    throw new DeviceMemoryError(
      `Cannot hold a tensor of [${shape}] on ${this.#device.description}: expected at most ` +
        `${limit} bytes, got ${bytes}; use a smaller batch or smaller frames, or --device cpu`,
    );
  }
}
