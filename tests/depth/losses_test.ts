import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  cameraMatrices,
  camerasOf,
  heldInPixels,
  inverseCameraMatrices,
  inverseMotion,
  rotationMatrices,
} from "../../lib/depth/camera.ts";
import { inverseDepth } from "../../lib/depth/depth_loss.ts";
import { leastReprojection } from "../../lib/depth/reprojection.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { edgeAwareSmoothness } from "../../lib/depth/smoothness.ts";
import { sourcePositions, synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { follow, photometric, rotationOf, smoothness, warp } from "../oracles/warping.ts";

await useDevice("cpu");

const seed = Date.now() % 1e6;
const intrinsics = { fx: 0.7, fy: 1.3, cx: 0.45, cy: 0.55 };

function array<T>(n: number, make: () => T): T[] {
  return Array.from({ length: n }, make);
}

function randomImages(random: Random, [b, h, w, c]: number[]): number[][][][] {
  return array(b, () => array(h, () => array(w, () => array(c, () => random.uniform()))));
}

/** Two different small motions, as tensors and as plain numbers. */
function randomMotions(random: Random, spread: number) {
  const vectors = array(2, () => array(3, () => random.uniform(-spread, spread)));
  const translations = array(2, () => array(3, () => random.uniform(-spread, spread)));
  return {
    motion: {
      rotation: rotationMatrices(tf.tensor2d(vectors)),
      translation: tf.tensor2d(translations),
    },
    rotations: vectors.map(rotationOf),
    translations,
  };
}

function pinhole(height: number, width: number) {
  return {
    focalX: 0.7 * width,
    focalY: 1.3 * height,
    centreX: 0.45 * width - 0.5,
    centreY: 0.55 * height - 0.5,
  };
}

Deno.test("rotationMatrices() is the exponential of the cross-product matrix", () => {
  const random = randomStream(seed, "rotation");
  tf.tidy(() => {
    const vectors = [[0, 0, 0], [1e-5, -2e-5, 0], [0, 0, Math.PI / 2]];
    vectors.push(...array(5, () => array(3, () => random.uniform(-2, 2))));
    const ours = rotationMatrices(tf.tensor2d(vectors)).arraySync();
    vectors.forEach((vector, n) =>
      rotationOf(vector).flat().forEach((v, i) => assertAlmostEquals(ours[n].flat()[i], v, 1e-4))
    );
    // A quarter turn about z takes x to y.
    assertAlmostEquals(ours[2][1][0], 1, 1e-4);
    const gradient = tf.grad((v) => tf.sum(rotationMatrices(v as tf.Tensor2D)))(tf.zeros([1, 3]));
    assert(gradient.dataSync().every(Number.isFinite), "finite at rest");
  });
});

Deno.test("inverseMotion() undoes a motion", () => {
  tf.tidy(() => {
    const { motion } = randomMotions(randomStream(seed, "motion"), 0.8);
    const back = inverseMotion(motion);
    const there = tf.matMul(motion.rotation, tf.ones([2, 3, 1]));
    const moved = tf.add(there, tf.reshape(motion.translation, [2, 3, 1]));
    const home = tf.add(
      tf.matMul(back.rotation, moved as tf.Tensor3D),
      tf.reshape(back.translation, [2, 3, 1]),
    );
    home.dataSync().forEach((v) => assertAlmostEquals(v, 1, 1e-5));
  });
});

Deno.test("sourcePositions() agrees with back-projecting, moving and projecting each pixel", () => {
  const random = randomStream(seed, "positions");
  tf.tidy(() => {
    for (const [height, width] of [[5, 8], [1, 3]]) {
      const depth = randomImages(random, [2, height, width, 1]).map((image) =>
        image.map((row) => row.map(([v]) => 1 + 9 * v))
      );
      const { motion, rotations, translations } = randomMotions(random, 0.2);
      const disparity = tf.tensor4d(
        depth.map((image) => image.map((row) => row.map((z) => [1 / z]))),
      );
      const both = [intrinsics, intrinsics];
      const ours = sourcePositions(
        disparity,
        motion,
        cameraMatrices(both, height, width),
        inverseCameraMatrices(both, height, width),
      ).arraySync();
      depth.forEach((image, n) =>
        image.forEach((row, y) =>
          row.forEach((z, x) => {
            const camera = pinhole(height, width);
            const expected = follow([x, y], z, rotations[n], translations[n], camera);
            assertAlmostEquals(ours[n][y][x][0], expected[0], 2e-3, `seed ${seed}`);
            assertAlmostEquals(ours[n][y][x][1], expected[1], 2e-3, `seed ${seed}`);
          })
        )
      );
    }
  });
});

Deno.test("sourcePositions() of a wall seen while driving at it: a case worked by hand", () => {
  tf.tidy(() => {
    // Centre at (0.5, 0.5), focal length 2 pixels. From 4 m to 3 m: offsets grow by 4 / 3.
    const camera = [{ fx: 1, fy: 1, cx: 0.5, cy: 0.5 }];
    const motion = {
      rotation: tf.reshape(tf.eye(3), [1, 3, 3]) as tf.Tensor3D,
      translation: tf.tensor2d([[0, 0, -1]]),
    };
    const positions = sourcePositions(
      tf.fill([1, 2, 2, 1], 0.25),
      motion,
      cameraMatrices(camera, 2, 2),
      inverseCameraMatrices(camera, 2, 2),
    );
    const far = 0.5 + 0.5 * 4 / 3;
    const near = 0.5 - 0.5 * 4 / 3;
    const expected = [near, near, far, near, near, far, far, far];
    positions.dataSync().forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-5));
  });
});

Deno.test("camerasOf() multiplies focal lengths, in the matrix and in its inverse", () => {
  const random = randomStream(seed, "focal");
  const factor = random.uniform(0.5, 2);
  const other = { ...intrinsics, fx: intrinsics.fx * factor, fy: intrinsics.fy * factor };
  tf.tidy(() => {
    const focal = tf.scalar(Math.log(factor));
    const learnt = camerasOf([intrinsics, intrinsics], focal)(5, 9);
    const known = camerasOf([other, other])(5, 9);
    for (const name of ["matrix", "inverse"] as const) {
      const expected = known[name].dataSync();
      learnt[name].dataSync().forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-4));
    }
  });
});

Deno.test("synthesizeView() of a turn has the gradient that leads to the focal lengths", () => {
  const random = randomStream(seed, "turn");
  const [height, width] = [48, 96];
  const waves = array(
    6,
    () => [random.uniform(-9, 9), random.uniform(-9, 9), random.uniform(0, 6)],
  );
  // What is infinitely far is a function of the direction alone.
  const brightness = ([x, y, z]: readonly number[]) =>
    waves.reduce((sum, [a, b, c]) => sum + Math.sin(a * x / z + b * y / z + c), 0);
  const vector = [random.pick([-0.08, 0.08]), random.pick([-0.12, 0.12]), 0.05];
  const turn = rotationOf(vector);
  const see = (turned: boolean) => {
    const { focalX, focalY, centreX, centreY } = pinhole(height, width);
    return tf.tensor4d(
      [
        Array.from({ length: height }, (_, v) =>
          Array.from({ length: width }, (_, u) => {
            const ray = [(u - centreX) / focalX, (v - centreY) / focalY, 1];
            // The source's ray in the target's axes is R^T ray.
            const back = [0, 1, 2].map((k) => ray.reduce((sum, r, j) => sum + turn[j][k] * r, 0));
            return [brightness(turned ? back : ray)];
          })),
      ],
    );
  };
  tf.tidy(() => {
    const [target, source] = [see(false), see(true)];
    const motion = {
      rotation: rotationMatrices(tf.tensor2d([vector])),
      translation: tf.zeros([1, 3]) as tf.Tensor2D,
    };
    const inside = ([y, x, h, w]: number[], image: tf.Tensor4D) =>
      tf.slice(image, [0, y, x, 0], [1, h, w, 1]);
    const loss = (focal: tf.Scalar): tf.Scalar => {
      const { matrix, inverse } = camerasOf([intrinsics], focal)(height, width);
      const far = tf.fill([1, height, width, 1], 1e-6) as tf.Tensor4D;
      const view = synthesizeView(source, far, motion, matrix, inverse);
      const middle = [14, 28, 20, 40];
      return tf.mean(tf.square(tf.sub(inside(middle, view), inside(middle, target))));
    };
    let focal = tf.scalar(random.pick([-0.06, 0.06]));
    const gradientAt = tf.grad((x) => loss(x as tf.Scalar));
    const [gradient] = gradientAt(focal).dataSync();
    const [above, below] = [2e-3, -2e-3].map((step) => loss(tf.add(focal, step)).dataSync()[0]);
    const message = `seed ${seed}`;
    assertAlmostEquals(gradient, (above - below) / 4e-3, 0.05 * Math.abs(gradient), message);
    const start = loss(focal).dataSync()[0];
    for (let i = 0; i < 60; i++) {
      const direction = tf.sign(gradientAt(focal));
      focal = tf.sub(focal, tf.mul(direction, 0.002));
    }
    assert(loss(focal).dataSync()[0] < 0.2 * start, message);
    assertAlmostEquals(focal.dataSync()[0], 0, 0.01, message);
  });
});

Deno.test("heldInPixels() is the same motion, and leaves no shift to the focal lengths", () => {
  const random = randomStream(seed, "held");
  const camera = [{ fx: 0.7, fy: 1.3, cx: 0.5, cy: 0.5 }], [height, width] = [9, 15];
  const vector = [random.uniform(0.02, 0.05), random.uniform(0.02, 0.05), 0];
  tf.tidy(() => {
    const motion = {
      rotation: rotationMatrices(tf.tensor2d([vector])),
      translation: tf.tensor2d([[0.05, -0.03, -0.1]]),
    };
    const disparity = tf.fill([1, height, width, 1], 0.2) as tf.Tensor4D;
    /** Where the middle pixel goes, at a factor e^focal of the focal lengths. */
    const middle = (focal: tf.Scalar, held: boolean) => {
      const { matrix, inverse } = camerasOf(camera, focal)(height, width);
      const seen = held ? heldInPixels(motion, focal) : motion;
      return tf.slice(sourcePositions(disparity, seen, matrix, inverse), [0, 4, 7, 0], [
        1,
        1,
        1,
        2,
      ]);
    };
    const [as, held] = [false, true].map((held) => ({
      place: middle(tf.scalar(0), held).dataSync(),
      slope: tf.grad((focal) => tf.sum(middle(focal as tf.Scalar, held)))(tf.scalar(0))
        .dataSync()[0],
    }));
    held.place.forEach((v, i) => assertAlmostEquals(v, as.place[i], 1e-5));
    // To the first order of the turn nothing is left.
    assert(Math.abs(held.slope) < 0.15 * Math.abs(as.slope), `${held.slope}, ${as.slope}, ${seed}`);
  });
});

Deno.test("synthesizeView() agrees with a plain warp and has the gradient of one", () => {
  const random = randomStream(seed, "warp");
  const [height, width] = [6, 9];
  tf.tidy(() => {
    const source = randomImages(random, [2, height, width, 3]);
    const disparity = randomImages(random, [2, height, width, 1]);
    const { motion, rotations, translations } = randomMotions(random, 0.1);
    const cameras = [intrinsics, intrinsics];
    const view = (disparity: tf.Tensor4D) =>
      synthesizeView(
        tf.tensor4d(source),
        disparity,
        motion,
        cameraMatrices(cameras, height, width),
        inverseCameraMatrices(cameras, height, width),
      );
    const ours = view(tf.tensor4d(disparity)).arraySync();
    source.forEach((image, n) => {
      const depth = disparity[n].map((row) => row.map(([d]) => 1 / d));
      const expected = warp(image, depth, rotations[n], translations[n], pinhole(height, width));
      expected.flat(2).forEach((v, i) => assertAlmostEquals(ours[n].flat(2)[i], v, 2e-3));
    });
    const gradient = tf.grad((d) => tf.sum(view(d as tf.Tensor4D)))(tf.tensor4d(disparity))
      .dataSync();
    // The warp is piecewise smooth, so that most pixels, not all, agree with a difference.
    const flat = disparity.flat(3);
    const total = (i: number, step: number) => {
      const moved = flat.map((v, j) => j === i ? v + step : v);
      return tf.tidy(() => tf.sum(view(tf.tensor4d(moved, [2, height, width, 1]))).dataSync()[0]);
    };
    const agree = flat.filter((_, i) => {
      const difference = (total(i, 2e-3) - total(i, -2e-3)) / 4e-3;
      return Math.abs(difference - gradient[i]) < 0.02 + 0.05 * Math.abs(difference);
    });
    assert(agree.length > 0.85 * flat.length, `seed ${seed}: ${agree.length} of ${flat.length}`);
    assert(gradient.some((g) => Math.abs(g) > 0.01));
  });
});

Deno.test("photometricError() agrees with its definition at any SSIM weight", () => {
  const random = randomStream(seed, "photometric");
  for (const weight of [0.85, 0, 1]) {
    const views = randomImages(random, [4, 4, 5, 3]);
    const target = randomImages(random, [2, 4, 5, 3]);
    const ours = tf.tidy(() => photometricError(tf.tensor4d(views), tf.tensor4d(target), weight))
      .arraySync();
    views.forEach((view, n) => {
      const expected = photometric(view, target[n % 2], weight).flat();
      const actual = ours[Math.floor(n / 2)][n % 2].flat();
      expected.forEach((v, i) => assertAlmostEquals(actual[i], v, 2e-4, `seed ${seed}`));
    });
  }
});

Deno.test("leastReprojection() takes the best source and leaves out what did not move", () => {
  tf.tidy(() => {
    // Two sources, one scale, one image of 1 x 3.
    const errors = tf.tensor5d([0.1, 0.5, 0.9, 0.4, 0.2, 0.8], [2, 1, 1, 1, 3]);
    const unmoved = tf.tensor4d([0.3, 0.6, 0.3, 0.2, 0.7, 0.7], [2, 1, 1, 3]);
    const masked = leastReprojection(errors, unmoved);
    assertAlmostEquals(masked.loss.dataSync()[0], (0.1 + 0.2 + 0.3) / 3, 1e-6);
    assertAlmostEquals(masked.moving.dataSync()[0], 2 / 3, 1e-6);
    const plain = leastReprojection(errors, undefined);
    assertAlmostEquals(plain.loss.dataSync()[0], (0.1 + 0.2 + 0.8) / 3, 1e-6);
    assertEquals(plain.moving.dataSync()[0], 1);
    // The mean of both sources, against the mean of both unmoved: 0.25, 0.35, 0.85 and 0.25, 0.65, 0.5.
    const mean = leastReprojection(errors, unmoved, "mean");
    assertAlmostEquals(mean.loss.dataSync()[0], (0.25 + 0.35 + 0.5) / 3, 1e-6);
    assertAlmostEquals(
      leastReprojection(errors, undefined, "mean").loss.dataSync()[0],
      1.45 / 3,
      1e-6,
    );
    const gradient = tf.grad((e) => leastReprojection(e as tf.Tensor5D, unmoved).loss)(errors);
    const third = 1 / 3;
    gradient.dataSync().forEach((g, i) =>
      assertAlmostEquals(g, [third, 0, 0, 0, third, 0][i], 1e-6)
    );
  });
});

Deno.test("edgeAwareSmoothness() agrees with its definition and ignores scale", () => {
  const random = randomStream(seed, "smoothness");
  const disparity = randomImages(random, [1, 5, 7, 1]);
  const image = randomImages(random, [1, 5, 7, 3]);
  const ours = (factor: number) =>
    tf.tidy(() =>
      edgeAwareSmoothness(tf.mul(tf.tensor4d(disparity), factor) as tf.Tensor4D, tf.tensor4d(image))
        .dataSync()[0]
    );
  const expected = smoothness(disparity[0].map((row) => row.map(([d]) => d)), image[0]);
  assertAlmostEquals(ours(1), expected, 1e-4, `seed ${seed}`);
  assertAlmostEquals(ours(9), expected, 1e-4, `seed ${seed}`);
  // A step of 1 around a mean of 1.5 in x, none in y, on an even image.
  const step = tf.tidy(() =>
    edgeAwareSmoothness(tf.tensor4d([1, 2, 1, 2], [1, 2, 2, 1]), tf.ones([1, 2, 2, 3]))
      .dataSync()[0]
  );
  assertAlmostEquals(step, 1 / 1.5, 1e-5);
});

Deno.test("inverseDepth() is affine between the bounds", () => {
  tf.tidy(() => {
    const range = { minDepth: 0.5, maxDepth: 20 };
    const values = inverseDepth(tf.tensor4d([0, 1, 0.5], [1, 1, 3, 1]), range).dataSync();
    [0.05, 2, 1.025].forEach((v, i) => assertAlmostEquals(values[i], v, 1e-6));
  });
});
