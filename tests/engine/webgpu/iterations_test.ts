import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { SOFTWARE_ITERATIONS } from "../../../lib/engine/webgpu/program.ts";
import { DeviceError } from "../../../lib/errors.ts";
import type { Dense } from "../../oracles/dense.ts";
import { assertClose, runKernel } from "../kernels/support.ts";
import { adapter, gpuTest, later } from "./support.ts";

// llvmpipe ends the loops of an invocation after 65,535 iterations without an error.
const LONG = 70_001;

/** 1, 2, .. `cycle`, 1, ... along one axis, the same along all others: sums of products are whole numbers. */
function cycle(shape: number[], axis: number, cycle: number): tf.Tensor {
  const line = tf.add(tf.mod(tf.range(0, shape[axis]), cycle), 1);
  return tf.mul(tf.ones(shape), tf.reshape(line, shape.map((size, k) => k === axis ? size : 1)));
}

/** What `count` products of a row's and a column's number sum up to. */
function sums(shape: number[], count: number): Dense {
  const columns = shape[shape.length - 1], rows = shape[shape.length - 2];
  const values = Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => {
    const row = Math.floor(i / columns) % rows, column = i % columns;
    return count * (row % 3 + 1) * (column % 5 + 1);
  });
  return { shape, values };
}

gpuTest("sums of a product that are longer than a software adapter's loops are whole", () => {
  // As many results as keep the adapter busy, so that nothing else cuts them.
  for (const [transposeA, transposeB] of [[false, false], [true, false], [false, true]]) {
    const a = transposeA ? cycle([LONG, 41], 1, 3) : cycle([41, LONG], 0, 3);
    const b = transposeB ? cycle([53, LONG], 0, 5) : cycle([LONG, 53], 1, 5);
    const got = tf.matMul(a, b, transposeA, transposeB);
    assertClose(got, sums([41, 53], LONG), 0, `${[transposeA, transposeB]}`);
  }
});

gpuTest("so are those of a filter's gradient", () => {
  const filterShape = [2, 2, 64, 64], pixels = 2 * 189 * 190;
  const inputs = { x: cycle([2, 190, 191, 64], 3, 3), dy: cycle([2, 189, 190, 64], 3, 5) };
  const attrs = { strides: 1, pad: "valid", dilations: 1, dataFormat: "NHWC", filterShape };
  const [got] = runKernel("Conv2DBackpropFilter", inputs, attrs);
  assertClose(got, sums(filterShape, pixels), 0);
});

gpuTest("so are those where a single line of pixels is longer", () => {
  const filterShape = [3, 3, 1, 1], width = 2 * LONG + 5;
  const inputs = { x: cycle([1, 3, width, 1], 2, 3), dy: cycle([1, 1, width - 2, 1], 2, 5) };
  const attrs = { strides: 1, pad: "valid", dilations: 1, dataFormat: "NHWC", filterShape };
  const [got] = runKernel("Conv2DBackpropFilter", inputs, attrs);
  const values = Array.from({ length: 9 }, (_, tap) => {
    let sum = 0;
    for (let p = 0; p < width - 2; p++) sum += ((p + tap % 3) % 3 + 1) * (p % 5 + 1);
    return sum;
  });
  assertClose(got, { shape: filterShape, values }, 0);
});

gpuTest("so are the statistics of batch normalisation", (random) => {
  const channels = 257, rows = 33_000;
  const row = Float32Array.from({ length: channels }, () => random.uniform());
  // Of rows that are some one's multiple by 0, 1, 2, 3, the mean is 1.5 times it, the variance 1.25 its square.
  const x = tf.mul(
    tf.tensor2d(row, [1, channels]),
    tf.reshape(tf.mod(tf.range(0, rows), 4), [-1, 1]),
  );
  const [, mean, variance] = runKernel("BatchNormTrain", {
    x,
    scale: tf.ones([channels]),
    offset: tf.zeros([channels]),
  }, { epsilon: 1e-5, relu: false });
  const expected = (factor: (value: number) => number) => ({
    shape: [channels],
    values: Array.from(row, factor),
  });
  assertClose(mean, expected((value) => 1.5 * value), 1e-3, "mean");
  assertClose(variance, expected((value) => 1.25 * value ** 2), 1e-3, "variance");
});

gpuTest("what would loop longer than a software adapter can is refused, and right on a GPU", () => {
  const line = tf.range(0, LONG);
  const software = adapter!.class === "software";
  const calls: readonly (readonly [string, () => tf.Tensor, number])[] = [
    ["arg", () => tf.argMax(line), LONG - 1],
    ["cumulative", () => tf.slice(tf.cumsum(tf.onesLike(line)), LONG - 1, 1), LONG],
    ["top k", () => tf.topk(line, 1).values, LONG - 1],
    ["histogram", () => tf.bincount(tf.zeros([LONG], "int32"), [], 1), LONG],
    ["segment sum", () => tf.unsortedSegmentSum(line, tf.zeros([LONG], "int32"), 1), sumOf(LONG)],
    [
      "pool",
      () => tf.avgPool(tf.reshape(line, [1, 1, LONG, 1]) as tf.Tensor4D, [1, LONG], 1, 0),
      (LONG - 1) / 2,
    ],
  ];
  // Sums of so many numbers in a row lose some digits.
  for (const [name, call, expected] of calls) {
    if (software) assertThrows(call, DeviceError, "use --device cpu", name);
    else {
      later(call(), (values) => assertAlmostEquals(values[0], expected, 1e-3 * expected, name));
    }
  }
});

function sumOf(count: number): number {
  return count * (count - 1) / 2;
}

gpuTest("a software adapter is trusted with what it can do, and a GPU with all", async () => {
  const { mostIterations } = tf.backend() as WebGpuBackend;
  assertEquals(mostIterations, adapter!.class === "software" ? SOFTWARE_ITERATIONS : Infinity);
  const last = tf.argMax(tf.range(0, SOFTWARE_ITERATIONS));
  assertEquals([...await last.data()], [SOFTWARE_ITERATIONS - 1]);
});
