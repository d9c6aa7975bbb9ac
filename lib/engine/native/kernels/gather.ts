/**
 * Rows taken by index, and sums of rows by index.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { NativeBackend } from "../backend.ts";
import { areFloats, areMovable, type KernelCall, type NativeKernel } from "../kernel.ts";

/** `GatherV2`, `ScatterNd`, and sums and means by segment. */
export function gatherKernels(): NativeKernel[] {
  return [
    { name: "GatherV2", run: gather },
    { name: "UnsortedSegmentSum", run: segmentSum },
    { name: "ScatterNd", run: scatter },
    { name: "SparseSegmentSum", run: (call) => sparseSegment(call, false) },
    { name: "SparseSegmentMean", run: (call) => sparseSegment(call, true) },
  ];
}

/** Bad indices are left to tfjs-backend-cpu, which names them. */
function gather({ inputs: { x, indices }, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  if (!areMovable(backend, x, indices) || indices.dtype !== "int32") return undefined;
  const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape);
  const places = backend.wordsOf(indices);
  if (!places.every((place) => place >= 0 && place < x.shape[axis])) return undefined;
  const batchDims = attrs.batchDims as number | undefined ?? 0;
  const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
    x as tf.Tensor,
    indices as tf.Tensor,
    axis,
    batchDims,
  );
  const output = backend.words(info.outputShape, x.dtype);
  backend.library.check(backend.library.symbols.cpcdr_gather(
    backend.wordsOf(x),
    places,
    output.values,
    Int32Array.of(
      info.batchSize,
      info.outerSize,
      info.dimSize,
      info.sliceSize,
      places.length / info.batchSize,
    ),
  ));
  return output.info;
}

function segmentSum({ inputs: { x, segmentIds }, attrs, backend }: KernelCall) {
  const count = attrs.numSegments as number;
  if (!areFloats(x) || segmentIds.dtype !== "int32" || !areMovable(backend, segmentIds)) {
    return undefined;
  }
  // Other segment shapes than that of x's first axis are rare.
  if (segmentIds.shape.length !== 1 || segmentIds.shape[0] !== x.shape[0]) return undefined;
  const ids = backend.wordsOf(segmentIds) as Int32Array<ArrayBuffer>;
  return addRows(backend, x, ids, [count, ...x.shape.slice(1)], count);
}

function scatter({ inputs: { indices, updates }, attrs, backend }: KernelCall) {
  const shape = attrs.shape as number[];
  if (!areFloats(updates) || indices.dtype !== "int32" || !areMovable(backend, indices)) {
    return undefined;
  }
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
    updates,
    indices,
    shape,
  );
  if (outputSize === 0 || sliceSize === 0) return undefined;
  const count = outputSize / sliceSize;
  const places = backend.wordsOf(indices);
  const rows = new Int32Array(numUpdates);
  for (let i = 0; i < numUpdates; i++) {
    for (let k = 0; k < sliceRank; k++) rows[i] += places[i * sliceRank + k] * strides[k];
    // tfjs-backend-cpu names the index that is out of range.
    if (rows[i] < 0 || rows[i] >= count) return undefined;
  }
  return addRows(backend, updates, rows, shape, count);
}

/** Adds each row of x to the row of the result that its id names. */
function addRows(
  backend: NativeBackend,
  x: tf.TensorInfo,
  ids: Int32Array<ArrayBuffer>,
  shape: readonly number[],
  count: number,
): tf.TensorInfo {
  const output = backend.output(shape);
  const { library } = backend;
  const sizes = Int32Array.of(ids.length, tf.util.sizeFromShape(x.shape) / ids.length, count, 0);
  library.check(
    library.symbols.cpcdr_segment_sum(backend.floats(x), null, ids, output.values, sizes),
  );
  return output.info;
}

/** Whatever tfjs-backend-cpu refuses (ids that fall, indices out of range) is left to it. */
function sparseSegment({ inputs, backend }: KernelCall, mean: boolean): tf.TensorInfo | undefined {
  const { data, indices, segmentIds } = inputs;
  if (!areFloats(data) || !areMovable(backend, indices, segmentIds)) return undefined;
  if (indices.dtype !== "int32" || segmentIds.dtype !== "int32") return undefined;
  const rows = backend.wordsOf(indices), ids = backend.wordsOf(segmentIds);
  const ordered = rows.length === ids.length &&
    rows.every((row, i) => row >= 0 && row < data.shape[0] && ids[i] >= (ids[i - 1] ?? 0));
  if (!ordered) return undefined;
  const count = ids[ids.length - 1] + 1, inner = tf.util.sizeFromShape(data.shape.slice(1));
  const output = backend.output([count, ...data.shape.slice(1)]);
  backend.library.check(backend.library.symbols.cpcdr_segment_sum(
    backend.floats(data),
    rows,
    ids,
    output.values,
    Int32Array.of(rows.length, inner, count, Number(mean)),
  ));
  return output.info;
}
