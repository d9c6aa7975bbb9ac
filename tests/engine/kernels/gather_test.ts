import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertThrows } from "@std/assert";
import { at, build } from "../../oracles/dense.ts";
import { assertClose, draw, kernelTest, nativeTest, tensor } from "./support.ts";

kernelTest("gather takes slices along any axis", "cpcdr_gather", (random) => {
  const x = draw(random, [4, 5, 3]);
  for (const axis of [0, 1, 2]) {
    const indices = Array.from({ length: 7 }, () => random.integer(x.shape[axis]));
    const expected = build(
      x.shape.with(axis, 7),
      (place) => at(x, place.with(axis, indices[place[axis]])),
    );
    assertClose(tf.gather(tensor(x), tf.tensor1d(indices, "int32"), axis), expected, 0);
    const matrix = tf.tensor2d(indices.slice(0, 6), [2, 3], "int32");
    const shape = x.shape.toSpliced(axis, 1, 2, 3);
    const nested = build(shape, (place) => {
      const [row, column] = place.slice(axis, axis + 2);
      return at(x, place.toSpliced(axis, 2, indices[3 * row + column]));
    });
    assertClose(tf.gather(tensor(x), matrix, axis), nested, 0);
  }
});

kernelTest("gather pairs batches", "cpcdr_gather", (random) => {
  const x = draw(random, [3, 4, 2]);
  const indices = Array.from({ length: 15 }, () => random.integer(4));
  const expected = build([3, 5, 2], ([b, i, c]) => at(x, [b, indices[5 * b + i], c]));
  const got = tf.gather(tensor(x), tf.tensor2d(indices, [3, 5], "int32"), 1, 1);
  assertClose(got, expected, 0);
  assertThrows(() => tf.gather(tensor(x), tf.tensor1d([4], "int32"), 1), Error, "index value 4");
});

kernelTest("unsortedSegmentSum and scatterND add rows up", "cpcdr_segment_sum", (random) => {
  for (const inner of [[], [1], [3], [2, 70]]) {
    const x = draw(random, [40, ...inner]);
    const ids = Array.from({ length: 40 }, () => random.integer(9) - 1);
    const expected = build([7, ...inner], ([segment, ...rest]) => {
      let sum = 0;
      ids.forEach((id, row) => sum += id === segment ? at(x, [row, ...rest]) : 0);
      return sum;
    });
    const got = tf.unsortedSegmentSum(tensor(x), tf.tensor1d(ids, "int32"), 7);
    assertClose(got, expected, 1e-6, `unsortedSegmentSum of [40,${inner}]`);
    // Ids -1 and 7 lie outside; scatterND takes no such index.
    const places = tf.tensor2d(ids.map((id) => id + 1), [40, 1], "int32");
    const scattered = tf.scatterND(places, tensor(x), [9, ...inner]);
    assertClose(tf.slice(scattered, 1, 7), expected, 1e-6, `scatterND of [40,${inner}]`);
  }
});

kernelTest("sparseSegmentSum and sparseSegmentMean group rows", "cpcdr_segment_sum", (random) => {
  const x = draw(random, [6, 5]);
  const rows = [5, 0, 0, 3, 2], segments = [0, 0, 2, 2, 2];
  const sum = (mean: boolean) =>
    build([3, 5], ([segment, c]) => {
      const members = rows.filter((_, i) => segments[i] === segment);
      const total = members.reduce((total, row) => total + at(x, [row, c]), 0);
      return mean ? total / Math.max(1, members.length) : total;
    });
  const [indices, ids] = [rows, segments].map((values) => tf.tensor1d(values, "int32"));
  const data = tensor<tf.Tensor2D>(x);
  assertClose(tf.sparse.sparseSegmentSum(data, indices, ids), sum(false), 1e-6);
  assertClose(tf.sparse.sparseSegmentMean(data, indices, ids), sum(true), 1e-6);
});

nativeTest("unsortedSegmentSum into no segments is empty", "cpcdr_segment_sum", (random) => {
  const x = tensor(draw(random, [4, 3])), ids = tf.tensor1d([0, 0, 1, 0], "int32");
  assertEquals(tf.unsortedSegmentSum(x, ids, 0).shape, [0, 3]);
});

nativeTest(
  "sparseSegmentMean counts more rows than float32 tells apart",
  "cpcdr_segment_sum",
  () => {
    const count = 2 ** 24 + 2 ** 22, ones = 1000;
    const rows = new Int32Array(count).fill(1, count - ones);
    const indices = tf.tensor1d(rows, "int32");
    const mean = tf.sparse.sparseSegmentMean(
      tf.tensor2d([[0], [1]]),
      indices,
      tf.zerosLike(indices),
    );
    assertClose(mean, { shape: [1, 1], values: [ones / count] }, 1e-9);
  },
);
