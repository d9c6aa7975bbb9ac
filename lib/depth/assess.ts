/**
 * How well trained networks explain frames.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkBatch, type DepthBatch, toFloats } from "./augmentation.ts";
import type { DepthConfig } from "./config.ts";
import { inverseDepth, viewErrors } from "./depth_loss.ts";
import { checkSize, type DepthNetworks } from "./networks.ts";
import type { RigidMotion } from "./pose_metrics.ts";
import { refineMotions } from "./refine_motions.ts";

/** What {@linkcode DepthTrainer.assess} answers. */
export interface DepthAssessment {
  /** For each target the motions of points to both sources' cameras. */
  readonly motions: readonly (readonly [RigidMotion, RigidMotion])[];
  /** Least photometric error over both sources, mean over pixels, 0..1. */
  readonly photometric: number;
  /** The same of the sources as they are: what neither depth nor motion explains. */
  readonly unmoved: number;
}

const ANSWERING = { training: false };

/** Motions of a batch, and the photometric errors that depth and motion leave. */
export async function assessBatch(
  networks: DepthNetworks,
  config: DepthConfig,
  batch: DepthBatch,
): Promise<DepthAssessment> {
  checkSize(batch.height, batch.width);
  const { count, offsets, intrinsics } = batch;
  checkBatch(batch);
  const shape: [number, number, number, number] = [count, batch.height, batch.width, 3];
  const answers = tf.tidy(() => {
    const [target, first, second] = [batch.target, ...batch.sources].map((pixels) =>
      tf.tensor4d(toFloats(pixels), shape)
    );
    const cameras = networks.cameras(intrinsics);
    const triplet = { target, sources: [first, second] as const, cameras };
    const [disparity] = networks.disparities(target, ANSWERING, 1);
    const answered = networks.motions({ ...triplet, offsets }, ANSWERING);
    const { motions } = config.alignment.length > 0
      ? refineMotions(triplet, inverseDepth(disparity, config), answered, config)
      : { motions: answered };
    const { moved, unmoved } = viewErrors(triplet, disparity, motions, config);
    const flat = motions.flatMap(({ rotation, translation }) => [
      tf.reshape(rotation, [count, 9]),
      translation,
    ]);
    return { motions: tf.concat(flat, 1), errors: tf.stack([moved, unmoved]) };
  });
  const numbers = await answers.motions.data();
  const [photometric, unmoved] = await answers.errors.data();
  tf.dispose(answers);
  const motionAt = (at: number): RigidMotion => ({
    rotation: numbers.slice(at, at + 9),
    translation: numbers.slice(at + 9, at + 12),
  });
  const motions = Array.from(
    { length: count },
    (_, i) => [motionAt(24 * i), motionAt(24 * i + 12)] as const,
  );
  return { motions, photometric, unmoved };
}
