/**
 * A convolution and its gradients as windows: what they have in common, whatever their geometry.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import type { KernelCall } from "../../kernel.ts";
import { runWindows, type WindowInfo, type WindowShader } from "./windows.ts";

/** What tells one kind of convolution from another. */
export interface WindowConvolution {
  geometry(attrs: KernelCall["attrs"], inShape: number[], filterShape: number[]): WindowInfo;
  /** Reads input and filter. */
  readonly forward: WindowShader;
  /** Reads the gradient of the result and the filter. */
  readonly inputGradient: WindowShader;
  /** Reads the input and the gradient of the result. */
  readonly filterGradient: WindowShader;
  /** Beside those of the geometry. */
  uniforms?(info: WindowInfo): Readonly<Record<string, number>>;
}

type Run = (call: KernelCall) => tf.TensorInfo;

/** The forward pass and both gradients, with tfjs-core's names of inputs and attributes. */
export function windowConvolution(
  { geometry, forward, inputGradient, filterGradient, uniforms }: WindowConvolution,
): { convolve: Run; inputGradient: Run; filterGradient: Run } {
  return {
    convolve({ inputs: { x, filter }, attrs, backend }) {
      const info = geometry(attrs, x.shape, filter.shape);
      return runWindows(backend, forward, info, [x, filter], info.outShape, uniforms?.(info));
    },
    inputGradient({ inputs: { dy, filter }, attrs, backend }) {
      const info = geometry(attrs, attrs.inputShape as number[], filter.shape);
      return runWindows(backend, inputGradient, info, [dy, filter], info.inShape, uniforms?.(info));
    },
    filterGradient({ inputs: { x, dy }, attrs, backend }) {
      const shape = attrs.filterShape as number[];
      const info = geometry(attrs, x.shape, shape);
      return runWindows(backend, filterGradient, info, [x, dy], shape, uniforms?.(info));
    },
  };
}
