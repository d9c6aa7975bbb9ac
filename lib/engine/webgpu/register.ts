/**
 * Makes an opened WebGPU device a tfjs-core backend, by one explicit call.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, WebGpuBackend, type WebGpuOptions } from "./backend.ts";
import type { OpenedDevice } from "./device.ts";
import { hostKernels } from "./host_kernels.ts";
import { type GpuKernel, registerKernels } from "./kernel.ts";
import { alignmentKernels } from "./kernels/alignment.ts";
import { argKernels } from "./kernels/arg.ts";
import { batchNormKernels } from "./kernels/batch_norm.ts";
import { binaryKernels } from "./kernels/binary.ts";
import { blockKernels } from "./kernels/space_to_batch.ts";
import { castKernels } from "./kernels/cast.ts";
import { complexKernels, withComplex } from "./kernels/complex.ts";
import { conv3dKernels } from "./kernels/windows/conv3d.ts";
import { convFilterGradientKernels } from "./kernels/conv/filter_gradient.ts";
import { convForwardKernels } from "./kernels/conv/forward.ts";
import { convInputGradientKernels } from "./kernels/conv/input_gradient.ts";
import { cropResizeKernels } from "./kernels/crop_resize.ts";
import { cumulativeKernels } from "./kernels/cumulative.ts";
import { depthwiseKernels } from "./kernels/windows/depthwise.ts";
import { dilationKernels } from "./kernels/windows/dilation.ts";
import { einsumKernels } from "./kernels/matmul/einsum.ts";
import { fillKernels } from "./kernels/fill.ts";
import { fourierKernels } from "./kernels/fourier.ts";
import { gatherKernels } from "./kernels/gather.ts";
import { gridSampleKernels } from "./kernels/grid_sample.ts";
import { histogramKernels } from "./kernels/histogram.ts";
import { matmulKernels } from "./kernels/matmul/matmul.ts";
import { movementKernels } from "./kernels/movement.ts";
import { multinomialKernels } from "./kernels/multinomial.ts";
import { optimizerKernels } from "./kernels/optimizer.ts";
import { padKernels } from "./kernels/pad.ts";
import { photometricErrorKernels } from "./kernels/photometric_error.ts";
import { poolKernels } from "./kernels/pool.ts";
import { pool3dKernels } from "./kernels/windows/pool3d.ts";
import { poolArgmaxKernels } from "./kernels/pool_argmax.ts";
import { projectPixelsKernels } from "./kernels/project_pixels.ts";
import { prototypeLossKernels } from "./kernels/prototype_loss/loss.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { reshapeKernels } from "./kernels/reshape.ts";
import { resizeKernels } from "./kernels/resize.ts";
import { responseNormKernels } from "./kernels/response_norm.ts";
import { scatterUpdateKernels } from "./kernels/scatter_update.ts";
import { selectKernels } from "./kernels/select.ts";
import { runningStatisticsKernels } from "./kernels/running_statistics.ts";
import { softmaxKernels } from "./kernels/softmax.ts";
import { topKKernels } from "./kernels/top_k.ts";
import { transformKernels } from "./kernels/transform.ts";
import { unaryKernels } from "./kernels/unary.ts";

/** Every family of kernels. */
export function gpuKernels(): GpuKernel[] {
  return [
    ...alignmentKernels(),
    ...argKernels(),
    ...batchNormKernels(),
    ...binaryKernels(),
    ...blockKernels(),
    ...castKernels(),
    ...complexKernels(),
    ...conv3dKernels(),
    ...convFilterGradientKernels(),
    ...convForwardKernels(),
    ...convInputGradientKernels(),
    ...cropResizeKernels(),
    ...cumulativeKernels(),
    ...depthwiseKernels(),
    ...dilationKernels(),
    ...einsumKernels(),
    ...fillKernels(),
    ...fourierKernels(),
    ...gatherKernels(),
    ...gridSampleKernels(),
    ...histogramKernels(),
    ...matmulKernels(),
    ...movementKernels(),
    ...multinomialKernels(),
    ...optimizerKernels(),
    ...padKernels(),
    ...pool3dKernels(),
    ...poolArgmaxKernels(),
    ...photometricErrorKernels(),
    ...poolKernels(),
    ...projectPixelsKernels(),
    ...prototypeLossKernels(),
    ...reduceKernels(),
    ...reshapeKernels(),
    ...resizeKernels(),
    ...responseNormKernels(),
    ...scatterUpdateKernels(),
    ...selectKernels(),
    ...runningStatisticsKernels(),
    ...softmaxKernels(),
    ...topKKernels(),
    ...transformKernels(),
    ...unaryKernels(),
  ];
}

/**
 * Registers backend `webgpu` on this device; registering it again replaces it. Tensors that are alive stay with the
 * one before, where `await tensor.data()` still reads them.
 */
export function registerWebGpuBackend(device: OpenedDevice, options?: WebGpuOptions): void {
  const before = tf.findBackend(BACKEND_NAME);
  // Removing it frees memory that waiting commands use.
  if (before instanceof WebGpuBackend) before.flush();
  if (before) tf.removeBackend(BACKEND_NAME);
  const host = hostKernels();
  registerKernels([
    ...gpuKernels().map((kernel) => host.withText(withComplex(kernel))),
    ...host.kernels,
  ]);
  tf.registerBackend(BACKEND_NAME, () => new WebGpuBackend(device, options));
}
