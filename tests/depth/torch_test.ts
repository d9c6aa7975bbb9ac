/** Losses of the depth stage and their gradients against PyTorch's autograd (depth.json, by torch_depth.py). */
import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals } from "@std/assert";
import { cameraMatrices, inverseCameraMatrices, rotationMatrices } from "../../lib/depth/camera.ts";
import { leastReprojection } from "../../lib/depth/reprojection.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { edgeAwareSmoothness } from "../../lib/depth/smoothness.ts";
import { synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { ssim } from "../../lib/ops/ssim.ts";
import oracle from "../oracles/depth.json" with { type: "json" };

await useDevice("cpu");

const { height, width } = oracle;
const images = (values: number[]) => tf.tensor4d(values, [2, height, width, 3]);
const maps = (values: number[]) => tf.tensor4d(values, [2, height, width, 1]);

function assertNear(ours: tf.Tensor, expected: readonly number[], bound: number, what: string) {
  const largest = Math.max(...expected.map(Math.abs));
  ours.dataSync().forEach((v, i) =>
    assertAlmostEquals(v, expected[i], bound * largest, `${what}, entry ${i}`)
  );
}

Deno.test("ssim() and its gradient agree with PyTorch", () => {
  tf.tidy(() => {
    const target = images(oracle.target), first = images(oracle.sources[0]);
    assertNear(ssim(first, target), oracle.ssim.values, 1e-4, "ssim");
    const gradient = tf.grad((a) => tf.mean(ssim(a as tf.Tensor4D, target)))(first);
    assertNear(gradient, oracle.ssim.gradient, 1e-3, "gradient");
  });
});

Deno.test("edgeAwareSmoothness() and its gradient agree with PyTorch", () => {
  for (const { sharpness, value, gradient } of oracle.smoothness) {
    tf.tidy(() => {
      const image = images(oracle.target);
      const smoothness = (d: tf.Tensor) => edgeAwareSmoothness(d as tf.Tensor4D, image, sharpness);
      const ours = tf.valueAndGrad(smoothness)(maps(oracle.bumpy));
      assertAlmostEquals(ours.value.dataSync()[0], value, 1e-5);
      assertNear(ours.grad, gradient, 1e-4, `gradient at sharpness ${sharpness}`);
    });
  }
});

Deno.test("views, errors, least reprojection and their gradients agree with PyTorch", () => {
  const { reprojection } = oracle;
  const cameras = [oracle.intrinsics, oracle.intrinsics];
  tf.tidy(() => {
    const target = images(oracle.target), sources = oracle.sources.map(images);
    const camera = cameraMatrices(cameras, height, width);
    const inverse = inverseCameraMatrices(cameras, height, width);
    const still = tf.reshape(
      photometricError(tf.concat(sources, 0), target, 0.85),
      [2, 2, height, width],
    ) as tf.Tensor4D;
    let moving = NaN;
    const loss = (disparity: tf.Tensor, ...motions: tf.Tensor[]) => {
      const views = sources.map((source, i) => {
        const motion = {
          rotation: rotationMatrices(motions[i] as tf.Tensor2D),
          translation: motions[2 + i] as tf.Tensor2D,
        };
        return synthesizeView(source, disparity as tf.Tensor4D, motion, camera, inverse);
      });
      const all: tf.Tensor4D = tf.concat(views, 0);
      const errors = photometricError(all, target, 0.85);
      assertNear(all, reprojection.views, 1e-4, "views");
      assertNear(errors, reprojection.errors, 1e-4, "errors");
      const five: tf.Tensor5D = tf.reshape(errors, [2, 1, 2, height, width]);
      const unmasked = leastReprojection(five, undefined).loss.dataSync()[0];
      assertAlmostEquals(unmasked, reprojection.unmasked, 1e-5);
      const result = leastReprojection(five, still);
      moving = result.moving.dataSync()[0];
      return result.loss;
    };
    const vectors = (rows: number[][]) => rows.map((row) => tf.tensor2d(row, [2, 3]));
    const inputs = [maps(oracle.disparity), ...vectors(oracle.turns), ...vectors(oracle.shifts)];
    const { value, grads } = tf.valueAndGrads(loss)(inputs);
    assertAlmostEquals(value.dataSync()[0], reprojection.loss, 1e-5);
    assertAlmostEquals(moving, reprojection.moving, 1e-6);
    assertNear(grads[0], reprojection.disparityGradient, 2e-3, "gradient of disparity");
    [...reprojection.turnGradients, ...reprojection.shiftGradients].forEach((expected, i) =>
      assertNear(grads[1 + i], expected, 2e-3, `gradient of motion ${i}`)
    );
  });
});
