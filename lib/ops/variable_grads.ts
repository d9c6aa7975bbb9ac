/**
 * Gradients of variables that take as much memory as the forward pass and no more. tfjs-core keeps the gradient of
 * every layer's output, and all that was saved for gradients, until the whole backward pass is done; here both go as
 * soon as the gradients of an op's inputs are known.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";

/** What the op needs that was asked for its gradients last; undefined outside {@linkcode variableGrads}. */
let held: readonly tf.Tensor[] | undefined;

const freeing = new WeakSet<tf.GradConfig>();

/**
 * Runs the gradient of an op for what comes out of it, with what it saved.
 *
 * @param run Gets what makes a result outlive `dy` and `saved`, where it is one of them.
 */
function freeAround<T>(
  dy: tf.Tensor | tf.Tensor[],
  saved: tf.Tensor[],
  run: (own: <R extends tf.Tensor>(result: R) => R) => T,
): T {
  if (!held) return run((result) => result);
  // All that the op before was asked for is known.
  tf.dispose([...held]);
  const needed = held = [dy, saved].flat();
  return run((result) => needed.includes(result) ? tf.clone(result) : result);
}

/** A gradient that lets go what the one before it needed. */
export function freeingGradient(config: tf.GradConfig): tf.GradConfig {
  const gradFunc: tf.GradFunc = (dy, saved, attributes) =>
    freeAround(dy, saved, (own) => {
      const gradients = Object.entries(config.gradFunc(dy, saved, attributes));
      return Object.fromEntries(
        gradients.map(([name, gradient]) => [name, () => own(gradient())]),
      );
    });
  const wrapped = { ...config, gradFunc };
  freeing.add(wrapped);
  return wrapped;
}

/** `tf.customGrad(f)`, with a gradient that lets go what the one before it needed. */
export function customGrad<T extends tf.Tensor>(
  f: Parameters<typeof tf.customGrad<T>>[0],
): ReturnType<typeof tf.customGrad<T>> {
  return tf.customGrad<T>((...inputs) => {
    const { value, gradFunc } = f(...inputs);
    return {
      value,
      gradFunc: (dy, saved) =>
        freeAround(dy, saved, (own) => {
          const gradients = gradFunc(dy, saved);
          return Array.isArray(gradients) ? gradients.map(own) : own(gradients);
        }),
    };
  });
}

/** Those of tfjs-core's own ops. */
function wrapGradients(): void {
  for (const { kernelName } of tf.getKernelsForBackend(tf.getBackend())) {
    const config = tf.getGradient(kernelName);
    if (config && !freeing.has(config)) tf.registerGradient(freeingGradient(config));
  }
}

/**
 * What `tf.variableGrads(f, variables)` answers, with about half its memory at the peak.
 *
 * @param f Takes no gradients itself, and what it answers depends on some of the variables.
 */
export function variableGrads(
  f: () => tf.Scalar,
  variables: tf.Variable[],
): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  wrapGradients();
  held = [];
  try {
    return tf.variableGrads(f, variables);
  } catch (error) {
    dropTape();
    throw error;
  } finally {
    tf.dispose([...held]);
    held = undefined;
  }
}

/** Frees what ops saved for gradients that nobody will ask for; tfjs-core keeps it where the forward pass fails. */
function dropTape(): void {
  const { state } = tf.engine();
  if (state.gradientDepth > 0 || !state.activeTape) return;
  for (const { saved = [] } of state.activeTape) tf.dispose(saved);
  state.activeTape = null as unknown as typeof state.activeTape;
}
