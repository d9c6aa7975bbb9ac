/**
 * Inverse depths by a trained network.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../errors.ts";
import type { DepthMap, Frame } from "../records.ts";
import { mirrorRows, toFloats } from "./augmentation.ts";
import type { DepthConfig } from "./config.ts";
import { inverseDepth } from "./depth_loss.ts";
import { checkSize, type DepthNetworks } from "./networks.ts";
import { blendMirrored } from "./post_process.ts";

/** What {@linkcode DepthTrainer.predict} needs of a frame. */
export type DepthInput = Pick<Frame, "rgb" | "height" | "width">;

/** Settings of {@linkcode DepthTrainer.predict}. */
export interface PredictOptions {
  /**
   * Also looks at the mirrored frame and blends both answers, which costs twice the time; false by
   * default.
   */
  readonly mirror?: boolean;
}

/** Inverse depths of a batch of frames of one size, at that size. */
export async function predictBatch(
  networks: DepthNetworks,
  config: DepthConfig,
  frames: readonly DepthInput[],
  { mirror = false }: PredictOptions,
): Promise<DepthMap[]> {
  const { height, width } = frames[0];
  checkSize(height, width);
  const images = frames.map((frame) => {
    if (frame.height !== height || frame.width !== width) {
      throw new ConfigError(
        `Cannot predict depth: expected frames of ${width}x${height} as the first, ` +
          `got ${frame.width}x${frame.height}; read all frames at one size`,
      );
    }
    return toFloats(frame.rgb);
  });
  const direct = await disparities(networks, config, images, height, width);
  if (!mirror) return direct.map((disparity) => ({ height, width, disparity }));
  images.forEach((pixels) => mirrorRows(pixels, width));
  const mirrored = await disparities(networks, config, images, height, width);
  return direct.map((disparity, i) => ({
    height,
    width,
    disparity: blendMirrored(disparity, mirrored[i], width),
  }));
}

async function disparities(
  networks: DepthNetworks,
  config: DepthConfig,
  images: readonly Float32Array[],
  height: number,
  width: number,
): Promise<Float32Array[]> {
  const result = tf.tidy(() => {
    const stacked = tf.stack(images.map((pixels) => tf.tensor3d(pixels, [height, width, 3])));
    const [disparity] = networks.disparities(stacked as tf.Tensor4D, { training: false }, 1);
    return inverseDepth(disparity, config);
  });
  const values = await result.data() as Float32Array;
  result.dispose();
  const size = height * width;
  return images.map((_, i) => values.slice(i * size, (i + 1) * size));
}
