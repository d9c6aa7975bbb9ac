import * as tf from "@tensorflow/tfjs-core";
import { assert } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { cameraMatrices, inverseCameraMatrices } from "../../lib/depth/camera.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { useDevice } from "../../lib/engine/device.ts";
import type { Frame } from "../../lib/records.ts";

await useDevice("cpu");

const size = { height: 64, width: 128 };

function image(frame: Frame): tf.Tensor4D {
  const values = Float32Array.from(frame.rgb, (v) => v / 255);
  return tf.tensor4d(values, [1, size.height, size.width, 3]);
}

/** Rotation and translation that take points of camera `a` to camera `b`: b^-1 a. */
function motionBetween(a: Float64Array, b: Float64Array) {
  const [i, j] = [[0, 4, 8], [0, 1, 2]];
  const rotation = j.map((r) =>
    j.map((c) => i.reduce((sum, row) => sum + b[row + r] * a[row + c], 0))
  );
  const translation = j.map((r) =>
    i.reduce((sum, row) => sum + b[row + r] * (a[row + 3] - b[row + 3]), 0)
  );
  return { rotation, translation };
}

Deno.test("synthesizeView() by the street scenes' own depth and poses shows the target", async () => {
  const scenes = streetScenes({ seed: 11, split: "train", sequences: 3, framesPerSequence: 2 });
  for (const first of [0, 2, 4]) {
    const [target, source] = [await scenes.read(first, size), await scenes.read(first + 1, size)];
    const { rotation, translation } = motionBetween(target.pose!, source.pose!);
    const error = (turn: number[][], shift: number[], depthFactor = 1) =>
      tf.tidy(() => {
        const disparity = target.depth!.map((z) => z === Infinity ? 1e-4 : 1 / (z * depthFactor));
        const view = synthesizeView(
          image(source),
          tf.tensor4d(disparity, [1, size.height, size.width, 1]),
          { rotation: tf.tensor3d([turn]), translation: tf.tensor2d([shift]) },
          cameraMatrices([target.intrinsics!], size.height, size.width),
          inverseCameraMatrices([target.intrinsics!], size.height, size.width),
        );
        return tf.mean(photometricError(view, image(target), 0.85)).dataSync()[0];
      });
    const truth = error(rotation, translation);
    const identity = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    const backwards = translation.map((t) => -t);
    // Moving cars, new surfaces and noise keep it from 0.
    assert(truth < 0.12, `frame ${first}: ${truth} with the truth`);
    const wrong = {
      unmoved: error(identity, [0, 0, 0]),
      backwards: error(rotation, backwards),
      "half the depth": error(rotation, translation, 0.5),
    };
    for (const [name, value] of Object.entries(wrong)) {
      assert(value > 1.25 * truth, `frame ${first}: ${truth} with the truth, ${value} ${name}`);
    }
  }
});
