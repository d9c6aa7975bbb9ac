/**
 * Batch normalisation by the statistics of the batch itself, as training needs it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "./fused.ts";

/** Settings of {@linkcode batchNormTrain}. */
export interface BatchNormTrainOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** Clamps the result at 0 from below; off by default. */
  readonly relu?: boolean;
  /** Added before the clamp; the shape of x. */
  readonly residual?: tf.Tensor4D;
}

/** What {@linkcode batchNormTrain} returns. */
export interface BatchNormTrainResult {
  /** The shape of x. */
  readonly y: tf.Tensor4D;
  /** `[C]` mean over batch, rows and columns, for running averages; not to be differentiated. */
  readonly mean: tf.Tensor1D;
  /** `[C]` biased variance, likewise. */
  readonly variance: tf.Tensor1D;
}

/**
 * Normalises each channel of `x` `[B,H,W,C]` by its mean and biased variance over the batch
 * (Ioffe and Szegedy 2015, algorithm 1):
 *
 *     y = relu?((x - mean) / sqrt(variance + epsilon) * scale + offset + residual)
 *
 * Differentiable in x, scale, offset and residual. An engine that has the kernel `BatchNormTrain`
 * runs it as one operation; otherwise it is composed of tfjs-core's operations.
 *
 * @param scale `[C]`.
 * @param offset `[C]`.
 */
export function batchNormTrain(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  options: BatchNormTrainOptions = {},
): BatchNormTrainResult {
  const { epsilon = 1e-5, relu = false, residual } = options;
  if (!useFusedKernel("BatchNormTrain", gradient)) {
    return composed(x, scale, offset, epsilon, relu, residual);
  }
  const inputs: tf.NamedTensorMap = residual
    ? { x, scale, offset, residual }
    : { x, scale, offset };
  const outputs = tf.engine().runKernel("BatchNormTrain", inputs, {
    epsilon,
    relu,
    residual: residual !== undefined,
  });
  const [y, mean, variance] = outputs as tf.Tensor[];
  return { y: y as tf.Tensor4D, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

function composed(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
  relu: boolean,
  residual: tf.Tensor4D | undefined,
): BatchNormTrainResult {
  const mean = tf.mean(x, [0, 1, 2]) as tf.Tensor1D;
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [0, 1, 2]) as tf.Tensor1D;
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
  let y = tf.add(tf.mul(normal, scale), offset) as tf.Tensor4D;
  if (residual) y = tf.add(y, residual);
  return { y: relu ? tf.relu(y) : y, mean, variance };
}

/** The gradient of the fused kernel; that of mean and variance is taken to be zero. */
const gradient: tf.GradConfig = {
  kernelName: "BatchNormTrain",
  inputsToSave: ["x", "scale"],
  outputsToSave: [true, true, true],
  gradFunc: (dys, saved, attributes) => {
    const dy = (dys as tf.Tensor[])[0];
    const [x, scale, y, mean, variance] = saved;
    const inputs = { dy, x, y, scale, mean, variance };
    const { epsilon, relu, residual } = attributes as Record<string, number | boolean>;
    const outputs = tf.engine().runKernel("BatchNormTrainGrad", inputs, {
      epsilon,
      relu,
      residual,
    }) as tf.Tensor[];
    const gradients: Record<string, () => tf.Tensor> = {
      x: () => outputs[0],
      scale: () => outputs[1],
      offset: () => outputs[2],
    };
    if (residual) gradients.residual = () => outputs[3];
    return gradients;
  },
};
