/**
 * Rows taken by index, and sums of rows by index.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../errors.ts";
import type { WebGpuBackend } from "../backend.ts";
import { elementType, type GpuKernel, type KernelCall, sizeOf } from "../kernel.ts";
import { flatGroups, flatMain, type Shader } from "../program.ts";
import { flatIndices, longestRun, refuseOutside } from "./flat_indices.ts";

/** `GatherV2`, `GatherNd`, `ScatterNd`, and sums and means by segment. */
export function gatherKernels(): GpuKernel[] {
  return [
    { name: "GatherV2", run: gather },
    { name: "GatherNd", run: gatherNd },
    { name: "ScatterNd", run: scatter },
    { name: "UnsortedSegmentSum", run: segmentSum },
    { name: "SparseSegmentSum", run: (call) => sparseSegment(call, false) },
    { name: "SparseSegmentMean", run: (call) => sparseSegment(call, true) },
  ];
}

/** An index that is out of range is named where the host knows it; otherwise it reads as 0. */
function gather({ inputs: { x, indices }, attrs, backend }: KernelCall): tf.TensorInfo {
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const last = x.shape[axis] - 1;
  for (const index of backend.valuesOf(indices) as Int32Array | undefined ?? []) {
    if (index >= 0 && index <= last) continue;
    throw new Error(`GatherV2: the index value ${index} is not in [0, ${last}]`);
  }
  const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
    x as tf.Tensor,
    indices as tf.Tensor,
    axis,
    attrs.batchDims as number | undefined ?? 0,
  );
  const output = backend.output(info.outputShape, x.dtype);
  backend.run({
    shader: gatherShader,
    variant: { workgroup: backend.tiles.flat },
    reads: [x, indices],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      outer: info.outerSize,
      extent: info.dimSize,
      inner: info.sliceSize,
      indices_each: sizeOf(indices) / info.batchSize,
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
  });
  return output;
}

/** `[batch, outer, extent, inner]` by `[batch, index]` to `[batch, outer, index, inner]`. */
const gatherShader: Shader<{ workgroup: number }> = {
  name: "gather",
  source: ({ workgroup }) => ({
    reads: { x: "u32", indices: "i32" },
    writes: { output: "u32" },
    uniforms: {
      count: "u32",
      outer: "u32",
      extent: "u32",
      inner: "u32",
      indices_each: "u32",
    },
    code: flatMain(
      workgroup,
      `let column = i % u.inner;
  let place = i / u.inner % u.indices_each;
  let row = i / (u.inner * u.indices_each);
  let index = u32(indices[row / u.outer * u.indices_each + place]);
  output[i] = select(0, x[(row * u.extent + min(index, u.extent - 1)) * u.inner + column],
    index < u.extent);`,
    ),
  }),
};

/** Each index is a list of coordinates along x's first axes. */
function gatherNd({ inputs: { params, indices }, backend }: KernelCall): tf.TensorInfo {
  const [shape, rows, inner, strides] = tf.backend_util.prepareAndValidate(
    params as tf.Tensor,
    indices as tf.Tensor,
  );
  const flat = flatIndices(backend, indices, rows, strides);
  const table = backend.alias(params, [sizeOf(params) / inner, inner]);
  const output = gather({
    inputs: { x: table, indices: flat },
    attrs: { axis: 0 },
    backend,
  });
  backend.release(flat, table);
  return { ...output, shape };
}

function knownIntegers(backend: WebGpuBackend, info: tf.TensorInfo, what: string): Int32Array {
  const values = backend.valuesOf(info);
  if (values) return values as Int32Array;
  throw new DeviceError(
    `Cannot add rows by index: expected ${what} that the host knows, got ones that are on the GPU ` +
      "alone; make a tensor of await indices.data()",
  );
}

function scatter({ inputs: { indices, updates }, attrs, backend }: KernelCall): tf.TensorInfo {
  const shape = attrs.shape as number[];
  const { numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    updates,
    indices,
    shape,
  );
  const rows = flatIndices(backend, indices, numUpdates, strides);
  const count = outputSize / sliceSize;
  refuseOutside(backend, rows, count, shape);
  const output = sumByIds(backend, updates, rows, shape, count);
  backend.release(rows);
  return output;
}

/** Ids below 0 and from numSegments on are left out, as tfjs-core defines it. */
function segmentSum({ inputs: { x, segmentIds }, attrs, backend }: KernelCall): tf.TensorInfo {
  const count = attrs.numSegments as number;
  const shape = [count, ...x.shape.slice(segmentIds.shape.length)];
  return sumByIds(backend, x, segmentIds, shape, count);
}

/** Sums of the rows of x by their ids, of which there are `count`. */
function sumByIds(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  segmentIds: tf.TensorInfo,
  shape: readonly number[],
  count: number,
): tf.TensorInfo {
  const ids = backend.valuesOf(segmentIds) as Int32Array | undefined;
  if (ids) return addRows(backend, x, ids, shape, count);
  const output = backend.output(shape, x.dtype);
  backend.run({
    shader: searchedShader,
    variant: { type: elementType(x.dtype), workgroup: backend.tiles.flat },
    reads: [x, segmentIds],
    writes: [output],
    uniforms: {
      count: sizeOf(output),
      inner: sizeOf(output) / Math.max(1, count),
      rows: sizeOf(segmentIds),
    },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
    iterations: sizeOf(segmentIds),
  });
  return output;
}

/** For ids that were computed: every element looks for its rows among all, which costs as much. */
const searchedShader: Shader<{ type: string; workgroup: number }> = {
  name: "segment sum by search",
  source: ({ type, workgroup }) => ({
    reads: { x: type, ids: "u32" },
    writes: { output: type },
    uniforms: { count: "u32", inner: "u32", rows: "u32" },
    code: flatMain(
      workgroup,
      `let segment = i / u.inner;
  var sum = ${type}();
  for (var row = 0u; row < u.rows; row++) {
    if (ids[row] == segment) { sum += x[row * u.inner + i % u.inner]; }
  }
  output[i] = sum;`,
    ),
  }),
};

/** Adds each row of x to the row of the result that its id names. */
function addRows(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  ids: Int32Array,
  shape: readonly number[],
  count: number,
): tf.TensorInfo {
  const { members, starts } = bySegment(ids, ids.map((_, row) => row), count);
  return sumSegments(backend, x, members, starts, shape, false);
}

/** Shape rule: as many rows as the last id says. */
function sparseSegment({ inputs, backend }: KernelCall, mean: boolean): tf.TensorInfo {
  const { data, indices, segmentIds } = inputs;
  const rows = knownIntegers(backend, indices, "indices");
  const ids = knownIntegers(backend, segmentIds, "segment ids");
  if (rows.length !== ids.length) throw new Error("segmentIds and indices should have same size.");
  const count = ids.length > 0 ? ids[ids.length - 1] + 1 : 0;
  const { backend_util: messages } = tf;
  if (count <= 0 && ids.length > 0) {
    throw new Error(messages.getSparseSegmentReductionNegativeSegmentIdsErrorMessage());
  }
  ids.forEach((id, i) => {
    if (id > (ids[i + 1] ?? id)) {
      throw new Error(messages.getSparseSegmentReductionNonIncreasingSegmentIdsErrorMessage());
    }
    if (id < 0 || id >= count) {
      throw new Error(
        messages.getSparseSegmentReductionSegmentIdOutOfRangeErrorMessage(id, count),
      );
    }
    if (rows[i] >= 0 && rows[i] < data.shape[0]) return;
    throw new Error(
      messages.getSparseSegmentReductionIndicesOutOfRangeErrorMessage(
        i,
        rows[i],
        data.shape[0],
      ),
    );
  });
  const { members, starts } = bySegment(ids, rows, count);
  return sumSegments(backend, data, members, starts, [count, ...data.shape.slice(1)], mean);
}

/** Rows in the order of their segments (counting sort), and where each segment begins. */
function bySegment(ids: Int32Array, rows: Int32Array, segments: number) {
  const starts = new Int32Array(segments + 1);
  for (const id of ids) if (id >= 0 && id < segments) starts[id + 1]++;
  for (let segment = 0; segment < segments; segment++) starts[segment + 1] += starts[segment];
  const next = starts.slice();
  const members = new Int32Array(Math.max(1, starts[segments]));
  ids.forEach((id, i) => {
    if (id >= 0 && id < segments) members[next[id]++] = rows[i];
  });
  return { members, starts };
}

/** Sums or means of rows of x: segment s has the rows `members[starts[s]]` to before `starts[s + 1]`. */
function sumSegments(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  members: Int32Array<ArrayBuffer>,
  starts: Int32Array<ArrayBuffer>,
  shape: readonly number[],
  mean: boolean,
): tf.TensorInfo {
  const output = backend.output(shape, x.dtype);
  const lists = [members, starts].map((list) => backend.known([list.length], "int32", list));
  backend.run({
    shader: segmentShader,
    variant: {
      type: elementType(x.dtype),
      mean,
      workgroup: backend.tiles.flat,
    },
    reads: [x, ...lists],
    writes: [output],
    uniforms: { count: sizeOf(output), inner: sizeOf(output) / Math.max(1, starts.length - 1) },
    groups: flatGroups(sizeOf(output), backend.tiles.flat),
    iterations: longestRun(starts),
  });
  backend.release(...lists);
  return output;
}

/** Every element adds its rows in their order, so that equal inputs give equal bytes. */
const segmentShader: Shader<{ type: string; mean: boolean; workgroup: number }> = {
  name: "segment sum",
  source: ({ type, mean, workgroup }) => ({
    reads: { x: type, members: "u32", starts: "u32" },
    writes: { output: type },
    uniforms: { count: "u32", inner: "u32" },
    code: flatMain(
      workgroup,
      `let column = i % u.inner;
  let begin = starts[i / u.inner];
  let end = starts[i / u.inner + 1];
  var sum = ${type}();
  for (var k = begin; k < end; k++) { sum += x[members[k] * u.inner + column]; }
  output[i] = ${mean ? `select(sum / ${type}(end - begin), ${type}(), begin == end)` : "sum"};`,
    ),
  }),
};
