/**
 * Makes an opened WebGPU device a tfjs-core backend, by one explicit call.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, WebGpuBackend } from "./backend.ts";
import type { OpenedDevice } from "./device.ts";
import { hostKernels } from "./host_kernels.ts";
import { type GpuKernel, registerKernels } from "./kernel.ts";
import { argKernels } from "./kernels/arg.ts";
import { batchNormKernels } from "./kernels/batch_norm.ts";
import { binaryKernels } from "./kernels/binary.ts";
import { castKernels } from "./kernels/cast.ts";
import { convFilterGradientKernels } from "./kernels/conv_filter_gradient.ts";
import { convForwardKernels } from "./kernels/conv_forward.ts";
import { convInputGradientKernels } from "./kernels/conv_input_gradient.ts";
import { cumulativeKernels } from "./kernels/cumulative.ts";
import { fillKernels } from "./kernels/fill.ts";
import { gatherKernels } from "./kernels/gather.ts";
import { gridSampleKernels } from "./kernels/grid_sample.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { movementKernels } from "./kernels/movement.ts";
import { optimizerKernels } from "./kernels/optimizer.ts";
import { padKernels } from "./kernels/pad.ts";
import { poolKernels } from "./kernels/pool.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { reshapeKernels } from "./kernels/reshape.ts";
import { resizeKernels } from "./kernels/resize.ts";
import { selectKernels } from "./kernels/select.ts";
import { softmaxKernels } from "./kernels/softmax.ts";
import { ssimKernels } from "./kernels/ssim.ts";
import { unaryKernels } from "./kernels/unary.ts";

/** Every family of kernels. */
export function gpuKernels(): GpuKernel[] {
  return [
    ...argKernels(),
    ...batchNormKernels(),
    ...binaryKernels(),
    ...castKernels(),
    ...convFilterGradientKernels(),
    ...convForwardKernels(),
    ...convInputGradientKernels(),
    ...cumulativeKernels(),
    ...fillKernels(),
    ...gatherKernels(),
    ...gridSampleKernels(),
    ...matmulKernels(),
    ...movementKernels(),
    ...optimizerKernels(),
    ...padKernels(),
    ...poolKernels(),
    ...reduceKernels(),
    ...reshapeKernels(),
    ...resizeKernels(),
    ...selectKernels(),
    ...softmaxKernels(),
    ...ssimKernels(),
    ...unaryKernels(),
  ];
}

/** Registers backend `webgpu` on this device; registering it again replaces it. */
export function registerWebGpuBackend(device: OpenedDevice): void {
  if (tf.findBackend(BACKEND_NAME)) tf.removeBackend(BACKEND_NAME);
  registerKernels([...gpuKernels(), ...hostKernels()]);
  tf.registerBackend(BACKEND_NAME, () => new WebGpuBackend(device));
}
