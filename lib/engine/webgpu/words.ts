/**
 * Values of the host as the four-byte words of the GPU, and back.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../errors.ts";

/** What tfjs-core hands to a backend; strings never leave the host. */
export type HostValues =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>[]
  | string[];

/** float32 stays, int32 stays, bool becomes 0 or 1. @throws {DeviceError} for other types. */
export function toWords(
  values: HostValues,
  dtype: tf.DataType,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  switch (dtype) {
    case "float32":
      return values instanceof Float32Array ? values : Float32Array.from(values as Uint8Array);
    case "int32":
    case "bool":
      return values instanceof Int32Array ? values : Int32Array.from(values as Uint8Array);
    default:
      throw new DeviceError(
        `Cannot compute on webgpu: expected float32, int32 or bool, got ${dtype}; use --device cpu`,
      );
  }
}

/** A copy of the words as tfjs-core wants them. */
export function fromWords(words: ArrayBuffer, dtype: tf.DataType): HostValues {
  if (dtype === "float32") return new Float32Array(words.slice(0));
  const integers = new Int32Array(words);
  return dtype === "bool" ? Uint8Array.from(integers) : integers.slice();
}
