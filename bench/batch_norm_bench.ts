import * as tf from "@tensorflow/tfjs-core";
import { batchNormTrain } from "../lib/ops/batch_norm.ts";
import { compareEngines } from "./support.ts";

const SHAPE: [number, number, number, number] = [8, 32, 64, 16];

function inputs() {
  const [x, residual] = [tf.randomNormal(SHAPE), tf.randomNormal(SHAPE)] as tf.Tensor4D[];
  return {
    x,
    residual,
    scale: tf.ones([16]) as tf.Tensor1D,
    offset: tf.zeros([16]) as tf.Tensor1D,
  };
}

compareEngines(
  "batch norm + residual + relu 8x32x64x16",
  inputs,
  ({ x, scale, offset, residual }) =>
    void batchNormTrain(x, scale, offset, { relu: true, residual }),
);
compareEngines(
  "batch norm + relu, both ways",
  inputs,
  ({ x, scale, offset }) =>
    void tf.grads((x, scale, offset) =>
      tf.sum(
        batchNormTrain(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D, {
          relu: true,
        })
          .y,
      )
    )([x, scale, offset]),
);
