/**
 * Weights that come along to another engine.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";

/**
 * Copies variables to the current backend: weights, running statistics and the moments of optimisers. tfjs-core moves
 * tensors by itself where a computation meets them, but cannot wait for a GPU there.
 *
 * @param left Says of a backend whether its variables are to come along.
 * @returns how many are lost, since they can no longer be read.
 */
export async function bringVariables(
  left: (backend: tf.KernelBackend) => boolean,
): Promise<number> {
  const { registeredVariables, tensorInfo } = tf.engine().state;
  const away = Object.values(registeredVariables)
    .filter(({ dataId }) => left(tensorInfo.get(dataId)!.backend));
  // All at once: waiting for one after the other takes most of the time.
  const values = await Promise.allSettled(away.map((variable) => variable.data()));
  return values.filter((result, i) => {
    if (result.status === "rejected") return true;
    const { shape, dtype } = away[i];
    tf.tidy(() => away[i].assign(tf.tensor(result.value, shape, dtype)));
    return false;
  }).length;
}
