/**
 * Makes the native library a tfjs-core backend, by one explicit call.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Precision } from "../precision.ts";
import { BACKEND_NAME, NativeBackend } from "./backend.ts";
import { type NativeKernel, registerKernels } from "./kernel.ts";
import { alignmentKernels } from "./kernels/alignment.ts";
import { batchNormKernels } from "./kernels/batch_norm.ts";
import { binaryKernels } from "./kernels/binary.ts";
import { convKernels } from "./kernels/conv.ts";
import { fillKernels } from "./kernels/fill.ts";
import { gatherKernels } from "./kernels/gather.ts";
import { gridSampleKernels } from "./kernels/grid_sample.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { movementKernels } from "./kernels/movement.ts";
import { optimizerKernels } from "./kernels/optimizer.ts";
import { padKernels } from "./kernels/pad.ts";
import { photometricErrorKernels } from "./kernels/photometric_error.ts";
import { poolKernels } from "./kernels/pool.ts";
import { projectPixelsKernels } from "./kernels/project_pixels.ts";
import { prototypeLossKernels } from "./kernels/prototype_loss.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { resizeKernels } from "./kernels/resize.ts";
import { runningStatisticsKernels } from "./kernels/running_statistics.ts";
import { softmaxKernels } from "./kernels/softmax.ts";
import { unaryKernels } from "./kernels/unary.ts";
import type { NativeLibrary } from "./library.ts";

/** Every family of native kernels. */
export function nativeKernels(): NativeKernel[] {
  return [
    ...alignmentKernels(),
    ...batchNormKernels(),
    ...binaryKernels(),
    ...convKernels(),
    ...fillKernels(),
    ...gatherKernels(),
    ...gridSampleKernels(),
    ...matmulKernels(),
    ...movementKernels(),
    ...optimizerKernels(),
    ...padKernels(),
    ...photometricErrorKernels(),
    ...poolKernels(),
    ...projectPixelsKernels(),
    ...prototypeLossKernels(),
    ...reduceKernels(),
    ...resizeKernels(),
    ...runningStatisticsKernels(),
    ...softmaxKernels(),
    ...unaryKernels(),
  ];
}

/** Registers backend `native` on this library; registering it again replaces it. */
export function registerNativeBackend(
  library: NativeLibrary,
  precision: Precision = "float32",
): void {
  if (tf.findBackend(BACKEND_NAME)) tf.removeBackend(BACKEND_NAME);
  registerKernels(nativeKernels());
  tf.registerBackend(BACKEND_NAME, () => new NativeBackend(library, precision));
}
