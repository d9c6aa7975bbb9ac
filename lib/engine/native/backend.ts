/**
 * The CPU engine as a tfjs-core backend: data lives in typed arrays that the native library reads and
 * writes in place. Whatever has no native kernel runs in tfjs-backend-cpu on the same arrays.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { DeviceError } from "../../errors.ts";
import type { Precision } from "../precision.ts";
import type { NativeLibrary } from "./library.ts";
import { BufferPool } from "./pool.ts";

/** Name under which the backend and its kernels are registered. */
export const BACKEND_NAME = "native";

type DataId = tf.TensorInfo["dataId"];

/** What tensors of numbers are kept in. */
type Values = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A new tensor and the array to fill. */
export interface Output {
  readonly info: tf.TensorInfo;
  readonly values: Float32Array<ArrayBuffer>;
}

/** A new tensor of four-byte elements and the array to fill. */
export interface Words {
  readonly info: tf.TensorInfo;
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** A new tensor of bools and the array to fill. */
export interface Flags {
  readonly info: tf.TensorInfo;
  readonly values: Uint8Array<ArrayBuffer>;
}

/** See the module's comment. */
export class NativeBackend extends MathBackendCPU {
  readonly pool = new BufferPool();

  /**
   * @param library is used by the kernels and stays open for as long as the process runs.
   * @param precision of convolutions.
   */
  constructor(readonly library: NativeLibrary, readonly precision: Precision = "float32") {
    super();
    // tfjs-backend-cpu greets on first use and recommends another backend.
    Object.assign(this, { firstUse: false });
  }

  /** A float32 tensor with memory from the pool, not initialised. */
  output(shape: readonly number[]): Output {
    const values = this.pool.lend(tf.util.sizeFromShape(shape as number[]));
    return { info: this.tensorOf(shape, "float32", values), values };
  }

  /** A float32 or int32 tensor with memory from the pool, not initialised. */
  words(shape: readonly number[], dtype: tf.DataType): Words {
    if (dtype === "float32") return this.output(shape);
    const { buffer, length } = this.pool.lend(tf.util.sizeFromShape(shape as number[]));
    const values = new Int32Array(buffer, 0, length);
    return { info: this.tensorOf(shape, "int32", values), values };
  }

  /** A bool tensor, one byte an element, with memory from the pool, not initialised. */
  flags(shape: readonly number[]): Flags {
    const size = tf.util.sizeFromShape(shape as number[]);
    const values = new Uint8Array(this.pool.lend(Math.ceil(size / 4)).buffer, 0, size);
    return { info: this.tensorOf(shape, "bool", values), values };
  }

  /** A tensor in memory that the pool has just lent, which goes back to it with the tensor. */
  tensorOf(shape: readonly number[], dtype: tf.DataType, values: Values): tf.TensorInfo {
    const dataId = super.write(values, shape as number[], dtype);
    return { dataId, shape: shape as number[], dtype };
  }

  /**
   * tfjs-backend-cpu makes tensors of arrays that other tensors have, whole (parts of complex numbers) or in part
   * (slices). Neither may give memory back that the other still reads, so that the pool lets go of it.
   */
  override write(
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
  ): DataId {
    if (ArrayBuffer.isView(values)) this.pool.release(values.buffer);
    return super.write(values, shape, dtype);
  }

  /** The values of a tensor of numbers, where they stand. */
  valuesOf({ dataId, shape }: tf.TensorInfo): Values {
    const values = this.data.get(dataId).values as Values, size = tf.util.sizeFromShape(shape);
    // The library reads as many as the shape says; whoever made the array may have shrunk its buffer since.
    if (values.length === size) return values;
    throw new DeviceError(
      `Cannot read a tensor of shape [${shape}]: expected ${size} elements, got ${values.length}; its memory was changed`,
    );
  }

  /** The values of a float32 or int32 tensor, where they stand. */
  wordsOf(info: tf.TensorInfo): Words["values"] {
    if (info.dtype === "float32") return this.floats(info);
    return this.valuesOf(info) as Int32Array<ArrayBuffer>;
  }

  /**
   * The values of a float32 tensor, where they stand. tfjs casts integers to float32 without touching
   * them; those are copied.
   */
  floats(info: tf.TensorInfo): Float32Array<ArrayBuffer> {
    const values = this.valuesOf(info);
    return values instanceof Float32Array ? values : Float32Array.from(values);
  }

  /**
   * The values of a variable that is about to change in place. Where others hold its memory, be it tensors that share
   * it or whoever has read or made it, it gets memory of its own first, and they keep what they have.
   *
   * @throws {DeviceError} where other tensors share the memory of a tensor that is no variable.
   */
  ownFloats(tensor: tf.TensorInfo): Float32Array<ArrayBuffer> {
    if (this.refCount(tensor.dataId) > 1) this.#part(tensor);
    const values = this.floats(tensor);
    if (this.pool.owns(values.buffer)) return values;
    const own = this.pool.lend(values.length);
    own.set(values);
    this.data.get(tensor.dataId).values = own;
    return own;
  }

  /** Gives a variable other data than the tensors that share it. */
  #part(tensor: tf.TensorInfo): void {
    if (!(tensor instanceof tf.Variable)) {
      throw new DeviceError(
        `Cannot change a tensor of shape [${tensor.shape}] in place: expected a variable, since others share its data`,
      );
    }
    const { info, values } = this.output(tensor.shape);
    values.set(this.floats(tensor));
    const copy = tf.engine().makeTensorFromTensorInfo(info, this);
    tensor.assign(copy);
    copy.dispose();
  }

  /** Marks a tensor's memory as held from outside, so that it is never reused. */
  escape(dataId: DataId): void {
    const values = this.data.get(dataId)?.values;
    if (ArrayBuffer.isView(values)) this.pool.release(values.buffer);
  }

  override readSync(dataId: DataId): tf.backend_util.BackendValues {
    this.escape(dataId);
    return super.readSync(dataId);
  }

  override read(dataId: DataId): Promise<tf.backend_util.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && ArrayBuffer.isView(values)) this.pool.giveBack(values.buffer);
    return gone;
  }

  override memory(): { unreliable: boolean; reasons: string[] } & Record<string, unknown> {
    return {
      unreliable: false,
      reasons: [],
      poolIdleBytes: this.pool.idleBytes,
      poolLentBytes: this.pool.lentBytes,
    };
  }
}
