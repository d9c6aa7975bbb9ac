/**
 * Batch normalisation over all but the last axis: for training, fused with ReLU and a residual, and by
 * given statistics.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

interface BatchNormAttrs {
  readonly epsilon: number;
  readonly relu: boolean;
  /** Of the gradient: whether the forward pass had a residual. */
  readonly residual?: boolean;
}

/**
 * `BatchNormTrain` and `BatchNormTrainGrad`, kernels of this project (lib/ops/batch_norm.ts), and tfjs's
 * `FusedBatchNorm`.
 */
export function batchNormKernels(): NativeKernel[] {
  return [
    { name: "BatchNormTrain", run: forward },
    { name: "BatchNormTrainGrad", run: gradient },
    { name: "FusedBatchNorm", run: inference },
  ];
}

function forward({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { x, scale, offset, residual } = inputs;
  const { epsilon, relu } = attrs as unknown as BatchNormAttrs;
  const channels = x.shape[x.shape.length - 1];
  const [y, mean, variance] = [
    backend.output(x.shape),
    backend.output([channels]),
    backend.output([channels]),
  ];
  backend.library.check(backend.library.symbols.cpcdr_batch_norm(
    backend.floats(x),
    backend.floats(scale),
    backend.floats(offset),
    residual ? backend.floats(residual) : null,
    y.values,
    mean.values,
    variance.values,
    tf.util.sizeFromShape(x.shape) / channels,
    channels,
    epsilon,
    Number(relu),
  ));
  return [y.info, mean.info, variance.info];
}

function gradient({ inputs, attrs, backend }: KernelCall): tf.TensorInfo[] {
  const { dy, x, y, scale, mean, variance } = inputs;
  const { epsilon, relu, residual } = attrs as unknown as BatchNormAttrs;
  const channels = x.shape[x.shape.length - 1];
  const [dx, dscale, doffset] = [
    backend.output(x.shape),
    backend.output([channels]),
    backend.output([channels]),
  ];
  const dresidual = residual ? backend.output(x.shape) : undefined;
  backend.library.check(backend.library.symbols.cpcdr_batch_norm_grad(
    backend.floats(dy),
    backend.floats(x),
    backend.floats(y),
    backend.floats(scale),
    backend.floats(mean),
    backend.floats(variance),
    dx.values,
    dscale.values,
    doffset.values,
    dresidual?.values ?? null,
    tf.util.sizeFromShape(x.shape) / channels,
    channels,
    epsilon,
    Number(relu),
  ));
  const gradients = [dx.info, dscale.info, doffset.info];
  return dresidual ? [...gradients, dresidual.info] : gradients;
}

const ADD = 0, MULTIPLY = 2;

/** y = x * factor + shift; statistics of other shapes than `[C]` fall back. */
function inference({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const { x, mean, variance, scale, offset } = inputs;
  const channels = x.shape[x.shape.length - 1];
  const statistics = [mean, variance, scale, offset].filter((tensor) => tensor !== undefined);
  const plain = statistics.every(({ shape }) => shape.length === 1 && shape[0] === channels);
  if (!areFloats(x, ...statistics) || !plain) return undefined;
  const epsilon = attrs.varianceEpsilon as number | undefined ?? 0.001;
  const values = (tensor: tf.TensorInfo | undefined) => tensor && backend.floats(tensor);
  const [means, variances, scales, offsets] = [mean, variance, scale, offset].map(values);
  const factors = new Float32Array(channels), shifts = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const factor = (scales?.[c] ?? 1) / Math.sqrt(variances![c] + epsilon);
    factors[c] = factor;
    shifts[c] = (offsets?.[c] ?? 0) - means![c] * factor;
  }
  const y = backend.output(x.shape);
  const rows = y.values.length / channels;
  // A matrix against a row, in the order of cpcdr.h.
  const sizes = Int32Array.of(1, 1, rows, channels, 0, 0, channels, 1, 0, 0, 0, 1);
  const { library } = backend;
  const { cpcdr_binary } = library.symbols;
  library.check(cpcdr_binary(MULTIPLY, backend.floats(x), factors, y.values, sizes));
  library.check(cpcdr_binary(ADD, y.values, shifts, y.values, sizes));
  return y.info;
}
