/**
 * The last resort where no native library can be used: tfjs-backend-cpu, with what is wrong in it mended.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
// Registers itself and its kernels.
import "@tensorflow/tfjs-backend-cpu";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";

const BACKEND = "cpu", KERNEL = "ResizeNearestNeighborGrad";

/** Where tfjs says that the centres of pixels are. */
interface Convention {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Makes it the engine that tensors live on. */
export async function usePlainBackend(): Promise<void> {
  // Its own takes the input's stride between images for that of dy: wrong for batches above 1.
  if (tf.getKernel(KERNEL, BACKEND)) tf.unregisterKernel(KERNEL, BACKEND);
  tf.registerKernel({
    kernelName: KERNEL,
    backendName: BACKEND,
    kernelFunc: ({ inputs, backend, attrs }) =>
      nearestGradient(
        inputs as { images: tf.TensorInfo; dy: tf.TensorInfo },
        backend as MathBackendCPU,
        attrs as unknown as Convention,
      ),
  });
  await tf.setBackend(BACKEND);
  // It greets on first use and recommends another backend.
  Object.assign(tf.backend(), { firstUse: false });
}

/**
 * Gradient `[B,H,W,C]` of the images: every pixel gets the sum of those of dy `[B,h,w,C]` that were taken from it.
 * Which pixel that is, is told as tfjs-backend-cpu's ResizeNearestNeighbor does.
 */
function nearestGradient(
  { images, dy }: { images: tf.TensorInfo; dy: tf.TensorInfo },
  backend: MathBackendCPU,
  convention: Convention,
): tf.TensorInfo {
  const [batch, height, width, channels] = images.shape;
  const [, fromHeight, fromWidth] = dy.shape;
  const rows = sourcesOf(fromHeight, height, convention);
  const columns = sourcesOf(fromWidth, width, convention);
  const values = backend.data.get(dy.dataId).values as Float32Array;
  const sums = new Float32Array(batch * height * width * channels);
  for (let b = 0, i = 0; b < batch; b++) {
    for (const row of rows) {
      for (const column of columns) {
        const pixel = ((b * height + row) * width + column) * channels;
        for (let c = 0; c < channels; c++) sums[pixel + c] += values[i++];
      }
    }
  }
  return backend.makeTensorInfo([batch, height, width, channels], "float32", sums);
}

/** By output row or column, the input's that it was taken from. */
function sourcesOf(
  outputs: number,
  inputs: number,
  { alignCorners, halfPixelCenters }: Convention,
): number[] {
  const aligned = alignCorners && outputs > 1;
  const scale = aligned ? (inputs - 1) / (outputs - 1) : inputs / outputs;
  return Array.from({ length: outputs }, (_, at) => {
    const source = scale * (halfPixelCenters ? at + 0.5 : at);
    return Math.min(inputs - 1, alignCorners ? Math.round(source) : Math.floor(source));
  });
}
