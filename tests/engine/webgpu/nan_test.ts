import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { batchNormTrain } from "../../../lib/ops/batch_norm.ts";
import { gpuTest, later } from "./support.ts";

/** Drivers turn ReLUs into maxima, which lose NaN: a network that has gone wrong would look sound. */
gpuTest("NaN passes through ReLU, alone and fused", () => {
  const x = tf.tensor2d([[NaN, 1], [-1, 2]]);
  const identity = tf.tensor2d([[1, 0], [0, 1]]);
  const expectNan = (y: tf.Tensor, count: number) =>
    later(y, (values) => assertEquals([...Array.from(values)].filter(Number.isNaN).length, count));
  expectNan(tf.relu(x), 1);
  expectNan(tf.relu6(x), 1);
  for (const activation of ["relu", "relu6"] as const) {
    // A product spreads NaN over its row.
    expectNan(tf.fused.matMul({ a: x, b: identity, activation }), 2);
  }
  const normed = (channels: number) => {
    const values = tf.fill([1, 1, 2, channels], NaN) as tf.Tensor4D;
    const [scale, offset] = [tf.ones([channels]), tf.zeros([channels])] as tf.Tensor1D[];
    return batchNormTrain(values, scale, offset, { relu: true }).y;
  };
  expectNan(normed(4), 8);
  expectNan(normed(3), 6);
});
