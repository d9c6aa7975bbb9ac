/**
 * The differentiable ops of this module, on tensors of `@tensorflow/tfjs-core`, for training loops of one's own:
 * `import { swappedPrediction } from "@cpcdr/cpcdr/tensors"`. Each runs as a kernel of the engine that `useDevice()`
 * chose, or is composed of tfjs-core's own ops where that has none.
 *
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs-core";
 * import { useDevice } from "@cpcdr/cpcdr";
 * import { swappedPrediction, variableGrads } from "@cpcdr/cpcdr/tensors";
 * import { assert } from "@std/assert";
 * await useDevice("cpu");
 * // Two images of three samples, of which the first two show one scene point each.
 * const samples = {
 *   images: 2,
 *   perImage: 3,
 *   positions: new Float32Array(2 * 3 * 2),
 *   groups: Int32Array.of(0, 1, 2, 0, 1, 3),
 *   groupCount: 4,
 *   count: 6,
 * };
 * const rows = (count: number) => {
 *   const drawn = tf.randomNormal<tf.Rank.R2>([count, 8]);
 *   return tf.variable(tf.div<tf.Tensor2D>(drawn, tf.norm(drawn, 2, 1, true)));
 * };
 * const features = rows(6), prototypes = rows(4);
 * const options = { temperature: 0.1, epsilon: 0.05, iterations: 3 };
 * const { value, grads } = variableGrads(() => {
 *   const { lossAndEntropy } = swappedPrediction(features, prototypes, samples, options);
 *   return tf.reshape(tf.slice(lossAndEntropy, 0, 1), []);
 * }, [features, prototypes]);
 * assert((await value.data())[0] > 0 && Object.keys(grads).length === 2);
 * ```
 *
 * @module
 */

export {
  batchNormTrain,
  type BatchNormTrainOptions,
  type BatchNormTrainResult,
} from "./ops/batch_norm.ts";
export { gridSample, type GridSampleOptions } from "./ops/grid_sample.ts";
export { photometricError } from "./ops/photometric_error.ts";
export { projectPixels } from "./ops/project_pixels.ts";
export { reflectPad } from "./ops/reflect_pad.ts";
export { resizeBilinear } from "./ops/resize.ts";
export { ssim } from "./ops/ssim.ts";
export { customGrad, variableGrads } from "./ops/variable_grads.ts";
export {
  prototypeLoss,
  type PrototypeLossOptions,
  type SwappedPrediction,
  swappedPrediction,
} from "./pretrain/prototype_loss.ts";
export type { SampleSet } from "./pretrain/sampling.ts";
export { sinkhorn, type SinkhornOptions } from "./pretrain/sinkhorn.ts";
