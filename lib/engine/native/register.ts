/**
 * Makes the native library a tfjs-core backend, by one explicit call.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BACKEND_NAME, NativeBackend } from "./backend.ts";
import { type NativeKernel, registerKernels } from "./kernel.ts";
import { convKernels } from "./kernels/conv.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import type { NativeLibrary } from "./library.ts";

/** Every family of native kernels. */
export function nativeKernels(): NativeKernel[] {
  return [...matmulKernels(), ...convKernels()];
}

/** Registers backend `native` on this library; registering it again replaces it. */
export function registerNativeBackend(library: NativeLibrary): void {
  if (tf.findBackend(BACKEND_NAME)) tf.removeBackend(BACKEND_NAME);
  registerKernels(nativeKernels());
  tf.registerBackend(BACKEND_NAME, () => new NativeBackend(library));
}
