/**
 * The safetensors format: a JSON header of names, types, shapes and places, then the bytes.
 * https://github.com/huggingface/safetensors
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import type { StateDict } from "../nn/parameters.ts";

/** What a file holds. */
export interface Tensors {
  readonly tensors: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const ALIGNMENT = 8;
const ARRAYS = { F32: Float32Array, I32: Int32Array } as const;

/** Tensors in the map's order; metadata are strings by the format's rule. */
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

/** @throws {CheckpointError} naming the file when it is no whole safetensors file of F32 and I32. */
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
  for (const [name, entry] of Object.entries(entries as Record<string, HeaderEntry>)) {
    const [from, to] = entry.data_offsets ?? [0, -1];
    const size = entry.shape?.reduce((product, extent) => product * extent, 4);
    const Values = ARRAYS[entry.dtype as keyof typeof ARRAYS];
    if (!Values || to - from !== size || from < 0 || start + to > bytes.length) {
      throw fail(
        `expected ${entry.dtype} ${entry.shape} of ${name} within the file, got ${from} to ${to}`,
      );
    }
    const data = new Values(bytes.slice(start + from, start + to).buffer);
    tensors.set(name, { dtype: entry.dtype as keyof typeof ARRAYS, shape: [...entry.shape], data });
  }
  return { tensors, metadata: metadata as Record<string, string> };
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
