import * as tf from "@tensorflow/tfjs-core";
import { compareEngines } from "./support.ts";

/** A small layer of the models here, and its incoming gradient. */
const layer = () => ({
  x: tf.randomNormal([2, 32, 64, 16]) as tf.Tensor4D,
  filter: tf.randomNormal([3, 3, 16, 16]) as tf.Tensor4D,
  dy: tf.randomNormal([2, 32, 64, 16]) as tf.Tensor4D,
});
const attributes = { strides: 1, pad: "same" as const, dataFormat: "NHWC" as const };

compareEngines("3x3 convolution", layer, ({ x, filter }) => void tf.conv2d(x, filter, 1, "same"));
compareEngines("its input gradient", layer, ({ x, filter, dy }) => {
  const attrs = { ...attributes, inputShape: x.shape };
  tf.engine().runKernel("Conv2DBackpropInput", { dy, filter }, attrs);
});
compareEngines("its filter gradient", layer, ({ x, filter, dy }) => {
  const attrs = { ...attributes, filterShape: filter.shape };
  tf.engine().runKernel("Conv2DBackpropFilter", { x, dy }, attrs);
});
compareEngines(
  "matrix product of 256x256",
  () => tf.randomNormal([256, 256]) as tf.Tensor2D,
  (x) => void tf.matMul(x, x),
);
