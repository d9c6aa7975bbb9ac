/**
 * Training batch normalisation over all but the last axis, fused with ReLU and a residual.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { KernelCall, NativeKernel } from "../kernel.ts";

interface BatchNormAttrs {
  readonly epsilon: number;
  readonly relu: boolean;
  /** Of the gradient: whether the forward pass had a residual. */
  readonly residual?: boolean;
}

/** `BatchNormTrain` and `BatchNormTrainGrad`, kernels of this project (lib/ops/batch_norm.ts). */
export function batchNormKernels(): NativeKernel[] {
  return [
    { name: "BatchNormTrain", run: forward },
    { name: "BatchNormTrainGrad", run: gradient },
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
