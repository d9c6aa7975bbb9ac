/**
 * A prior: depth changes where colours change.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * Edge-aware smoothness of mean-normalised disparity d* = d / mean(d) (Godard et al. 2019,
 * equation 3; the normalisation, by Wang et al. 2018, keeps depth from shrinking to please it):
 *
 *     mean |dx d*| exp(-s |dx I|) + mean |dy d*| exp(-s |dy I|), |d I| being a mean over channels
 *
 * with differences between neighbouring pixels.
 *
 * @param disparity `[B,H,W,1]`, H and W at least 2.
 * @param image `[B,H,W,3]` with values 0..1.
 * @param edgeSharpness s; 1 is Godard et al.'s, 10 gives way at edges that are seen as such.
 */
export function edgeAwareSmoothness(
  disparity: tf.Tensor4D,
  image: tf.Tensor4D,
  edgeSharpness = 1,
): tf.Scalar {
  const normal = tf.div(disparity, tf.add(tf.mean(disparity, [1, 2], true), 1e-7)) as tf.Tensor4D;
  const along = (axis: 1 | 2) => {
    const slope = tf.abs(differences(normal, axis));
    const edge = tf.mean(tf.abs(differences(image, axis)), 3, true);
    return tf.mean(tf.mul(slope, tf.exp(tf.mul(edge, -edgeSharpness))));
  };
  return tf.add(along(2), along(1));
}

/** x[i + 1] - x[i] along rows (axis 1) or columns (axis 2). */
function differences(x: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D {
  const size: [number, number, number, number] = [...x.shape];
  size[axis] -= 1;
  const next: [number, number, number, number] = [0, 0, 0, 0];
  next[axis] = 1;
  return tf.sub(tf.slice(x, next, size), tf.slice(x, [0, 0, 0, 0], size));
}
