/**
 * Kernels beyond tfjs-core's own, which an engine may or may not bring.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { freeingGradient } from "./variable_grads.ts";

/**
 * True if the current engine has the kernel. Its gradient is then known to tfjs-core, which keeps
 * gradients per kernel name and not per engine, so that the first use makes it known.
 */
export function useFusedKernel(name: string, gradient?: tf.GradConfig): boolean {
  if (tf.getKernel(name, tf.getBackend()) === undefined) return false;
  if (gradient && tf.getGradient(name) === undefined) {
    tf.registerGradient(freeingGradient(gradient));
  }
  return true;
}
