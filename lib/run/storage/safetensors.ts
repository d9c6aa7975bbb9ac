/**
 * The safetensors format: a JSON header of names, types, shapes and places, then the bytes.
 * https://github.com/huggingface/safetensors
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import type { StateDict, StateTensor } from "../../nn/parameters.ts";

/** What a safetensors file holds. */
export interface Tensors {
  /** By name. */
  readonly tensors: StateDict;
  /** What the file says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const ALIGNMENT = 8;

/** How values of a type are read: bytes each, and what they become here. */
interface Reader {
  readonly size: number;
  read(bytes: ArrayBuffer): Pick<StateTensor, "dtype" | "data">;
}

/** Types that come from elsewhere are read as the nearest of our two; I64 beyond 32 bits wraps around. */
const READERS: Readonly<Record<string, Reader>> = {
  F32: { size: 4, read: (bytes) => ({ dtype: "F32", data: new Float32Array(bytes) }) },
  I32: { size: 4, read: (bytes) => ({ dtype: "I32", data: new Int32Array(bytes) }) },
  F16: {
    size: 2,
    read: (bytes) => ({ dtype: "F32", data: Float32Array.from(new Float16Array(bytes)) }),
  },
  BF16: {
    size: 2,
    read: (bytes) => {
      // The upper half of a float32.
      const words = Uint32Array.from(new Uint16Array(bytes), (half) => half << 16);
      return { dtype: "F32", data: new Float32Array(words.buffer) };
    },
  },
  F64: {
    size: 8,
    read: (bytes) => ({ dtype: "F32", data: Float32Array.from(new Float64Array(bytes)) }),
  },
  I64: {
    size: 8,
    read: (bytes) => ({
      dtype: "I32",
      data: Int32Array.from(new BigInt64Array(bytes), (value) => Number(BigInt.asIntN(32, value))),
    }),
  },
};

/**
 * The bytes of a safetensors file, tensors in the map's order.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, type StateDict } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const data = Float32Array.of(1, 2, 3);
 * const tensors: StateDict = new Map([["weight", { dtype: "F32", shape: [3], data }]]);
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: { made: "here" } }));
 * assertEquals(decodeSafetensors(await Deno.readFile(path), path).tensors, tensors);
 * await Deno.remove(path);
 * ```
 */
export function encodeSafetensors({ tensors, metadata }: Tensors): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const padded = text.padEnd(
    Math.ceil(new TextEncoder().encode(text).length / ALIGNMENT) * ALIGNMENT,
    " ",
  );
  const json = new TextEncoder().encode(padded);
  const bytes = new Uint8Array(8 + json.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The tensors of a safetensors file; F16, BF16 and F64 become F32, and I64 becomes I32.
 *
 * @param path of the file, for messages.
 * @throws {CheckpointError} naming the file when it is no whole safetensors file of these types.
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): Tensors {
  const fail = (problem: string) =>
    new CheckpointError(
      `Cannot read ${path}: ${problem}; it may be truncated, use an earlier checkpoint`,
    );
  if (bytes.length < 8) throw fail(`expected a header, got ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const start = 8 + length;
  if (start > bytes.length) {
    throw fail(`expected a header of ${length} bytes, got ${bytes.length - 8}`);
  }
  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, start), fail);
  const tensors: StateDict = new Map();
  for (const [name, entry] of Object.entries(entries as Record<string, Partial<HeaderEntry>>)) {
    const { dtype = "", shape, data_offsets } = entry ?? {};
    const reader = READERS[dtype];
    if (!reader || !isCounts(shape) || !isCounts(data_offsets)) {
      throw fail(`expected type, shape and place of ${name}, got ${JSON.stringify(entry)}`);
    }
    const [from, to] = data_offsets;
    const size = shape.reduce((product, extent) => product * extent, reader.size);
    if (to - from !== size || start + to > bytes.length) {
      throw fail(`expected ${dtype} ${shape} of ${name} within the file, got ${from} to ${to}`);
    }
    const values = reader.read(bytes.slice(start + from, start + to).buffer as ArrayBuffer);
    tensors.set(name, { ...values, shape: [...shape] });
  }
  return { tensors, metadata: (metadata ?? {}) as Record<string, string> };
}

function isCounts(values: unknown): values is readonly number[] {
  return Array.isArray(values) && values.every((value) => Number.isInteger(value) && value >= 0);
}

function parseHeader(
  json: Uint8Array,
  fail: (problem: string) => CheckpointError,
): Record<string, unknown> {
  try {
    const header = JSON.parse(new TextDecoder().decode(json));
    if (typeof header === "object" && header !== null) return header;
  } catch { /* falls through to the one error */ }
  throw fail("expected a header in JSON, got something else");
}
