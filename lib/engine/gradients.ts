/**
 * Registers the gradients of tfjs-core's ops. tfjs-core's Node bundle leaves them out and its module
 * that has them cannot be imported under Node's resolution; tfjs-layers' bundle registers the same ones.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";

/** Registers them once. */
export async function registerGradients(): Promise<void> {
  if (!tf.getGradient("Conv2D")) await import("@tensorflow/tfjs-layers");
}
