import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { ConfigError } from "../../lib/errors.ts";
import { batchNormTrain } from "../../lib/ops/batch_norm.ts";
import { gridSample } from "../../lib/ops/grid_sample.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { projectPixels } from "../../lib/ops/project_pixels.ts";
import { reflectPad } from "../../lib/ops/reflect_pad.ts";
import { resizeBilinear } from "../../lib/ops/resize.ts";
import { ssim } from "../../lib/ops/ssim.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { checkSmoothImages, smoothShapes } from "./smooth_images.ts";
import { bilinear, type Image, mirror, resized, similarityAt } from "../oracles/sampling.ts";

/** Where the operations are composed of tfjs-core's, and where they are kernels of their own. */
const backends = new Set(["cpu", (await useDevice("cpu")).engine === "native" ? "native" : "cpu"]);

function test(name: string, run: () => void | Promise<void>): void {
  for (const backend of backends) {
    Deno.test(`${name} (${backend})`, async () => {
      await tf.setBackend(backend);
      await run();
    });
  }
}

const seed = Date.now() % 1e6;

function randomImages(random: Random, [b, h, w, c]: number[], low = 0, high = 1): Image[] {
  const line = <T>(n: number, make: () => T) => Array.from({ length: n }, make);
  return line(b, () => line(h, () => line(w, () => line(c, () => random.uniform(low, high)))));
}

/** Central differences of sum(weights * f) against tfjs's gradient, at up to 24 elements. */
function assertGradient(
  f: (x: tf.Tensor4D) => tf.Tensor,
  x: tf.Tensor4D,
  random: Random,
  { h = 1e-2, tolerance = 2e-2 } = {},
) {
  tf.tidy(() => {
    const y = f(x);
    const weights = tf.tensor(Float32Array.from({ length: y.size }, () => random.uniform(-1, 1)));
    const loss = (x: tf.Tensor) =>
      tf.sum(tf.mul(tf.reshape(f(x as tf.Tensor4D), [-1]), weights)) as tf.Scalar;
    const gradient = tf.grad(loss)(x).dataSync();
    const values = x.dataSync();
    const scale = Math.max(...gradient.map(Math.abs));
    assert(scale > 0, "there is a gradient at all");
    for (let n = 0; n < Math.min(24, x.size); n++) {
      const i = random.integer(x.size);
      const at = (step: number) => {
        const moved = values.slice();
        moved[i] += step;
        return loss(tf.tensor4d(moved as Float32Array, x.shape)).dataSync()[0];
      };
      const difference = (at(h) - at(-h)) / (2 * h);
      assertAlmostEquals(gradient[i], difference, tolerance * scale, `seed ${seed} element ${i}`);
    }
  });
}

test("gridSample() agrees with a tent over every pixel", () => {
  const random = randomStream(seed, "grid");
  for (const padding of ["border", "zeros"] as const) {
    for (const [b, h, w, c] of [[2, 5, 7, 3], [1, 1, 1, 1], [1, 1, 4, 2], [3, 6, 2, 1]]) {
      const images = randomImages(random, [b, h, w, c]);
      const grid = randomImages(random, [b, 3, 5, 2], -1.5, Math.max(h, w) + 0.5);
      const ours = tf.tidy(() => gridSample(tf.tensor4d(images), tf.tensor4d(grid), { padding }))
        .arraySync();
      grid.forEach((rows, n) =>
        rows.forEach((row, r) =>
          row.forEach(([x, y], k) =>
            bilinear(images[n], x, y, padding).forEach((v, i) =>
              assertAlmostEquals(ours[n][r][k][i], v, 1e-4, `seed ${seed} at ${x}, ${y}`)
            )
          )
        )
      );
    }
  }
});

test("gridSample() reads between pixels: a case worked by hand", () => {
  tf.tidy(() => {
    const x = tf.tensor4d([0, 1, 10, 11], [1, 2, 2, 1]);
    const grid = tf.tensor4d([0.25, 0.5, 1, 1, -3, 0, 1.5, 0], [1, 4, 1, 2]);
    assertEquals([...gridSample(x, grid, { padding: "border" }).dataSync()], [5.25, 11, 0, 1]);
    assertEquals([...gridSample(x, grid, { padding: "zeros" }).dataSync()], [5.25, 11, 0, 0.5]);
  });
});

test("gridSample() gradients agree with finite differences", () => {
  const random = randomStream(seed, "grid gradient");
  tf.tidy(() => {
    const x = tf.tensor4d(randomImages(random, [2, 4, 5, 3]));
    // Positions stay clear of pixel centres, where the derivative jumps.
    const cells = randomImages(random, [2, 3, 3, 2], 0.1, 0.9);
    const grid = tf.tensor4d(
      cells.map((a) => a.map((b) => b.map((p) => p.map((v) => v + random.integer(6) - 1)))),
    );
    for (const padding of ["border", "zeros"] as const) {
      assertGradient((x) => gridSample(x, grid, { padding }), x, random);
      assertGradient((grid) => gridSample(x, grid, { padding }), grid, random);
    }
  });
});

test("reflectPad() mirrors, and its gradient folds back", () => {
  const random = randomStream(seed, "pad");
  for (const [h, w] of [[2, 2], [3, 4], [5, 3], [6, 7]]) {
    const images = randomImages(random, [2, h, w, 2]);
    const ours = tf.tidy(() => reflectPad(tf.tensor4d(images))).arraySync();
    assertEquals([ours[0].length, ours[0][0].length], [h + 2, w + 2]);
    ours.forEach((image, n) =>
      image.forEach((row, r) =>
        row.forEach((pixel, k) =>
          pixel.forEach((v, c) =>
            assertAlmostEquals(v, images[n][mirror(r - 1, h)][mirror(k - 1, w)][c], 1e-6)
          )
        )
      )
    );
    tf.tidy(() => assertGradient(reflectPad, tf.tensor4d(images), random));
  }
  tf.tidy(() => {
    assertThrows(() => reflectPad(tf.ones([1, 1, 4, 1])), ConfigError, "at least 2x2 pixels");
  });
});

test("resizeBilinear() treats pixels as areas, forward and back", () => {
  const random = randomStream(seed, "resize");
  const sizes = [[3, 4, 6, 8], [1, 1, 3, 2], [5, 3, 7, 11], [8, 8, 4, 2], [4, 3, 4, 7], [
    3,
    4,
    7,
    4,
  ]];
  for (const [h, w, rows, columns] of sizes) {
    const images = randomImages(random, [2, h, w, 3]);
    const ours = tf.tidy(() => resizeBilinear(tf.tensor4d(images), rows, columns)).arraySync();
    images.forEach((image, n) => {
      const expected = resized(image, rows, columns);
      expected.flat(2).forEach((v, i) => assertAlmostEquals(ours[n].flat(2)[i], v, 1e-5));
    });
    tf.tidy(() =>
      assertGradient((x) => resizeBilinear(x, rows, columns), tf.tensor4d(images), random)
    );
  }
});

test("ssim() agrees with its definition, per copy", () => {
  const random = randomStream(seed, "ssim");
  for (const [h, w] of [[2, 2], [4, 3], [5, 7]]) {
    const a = randomImages(random, [4, h, w, 3]);
    const b = randomImages(random, [2, h, w, 3]);
    const ours = tf.tidy(() => ssim(tf.tensor4d(a), tf.tensor4d(b))).arraySync();
    ours.forEach((image, n) =>
      image.forEach((row, r) =>
        row.forEach((pixel, k) =>
          pixel.forEach((v, c) =>
            assertAlmostEquals(v, similarityAt(a[n], b[n % 2], r, k, c), 1e-5, `seed ${seed}`)
          )
        )
      )
    );
    tf.tidy(() => {
      const other = tf.tensor4d(b);
      assertGradient((a) => ssim(a, other), tf.tensor4d(a), random, { h: 2e-3, tolerance: 4e-2 });
    });
  }
});

for (const shape of smoothShapes) {
  test(
    `photometricError() keeps its digits on smooth images of [${shape}]`,
    () => checkSmoothImages(randomStream(seed, "smooth"), shape),
  );
}

test("photometricError() has the gradient of its values", () => {
  const random = randomStream(seed, "photometric");
  // No pixels so near to each other that a step carries one past the other, where the slope jumps.
  const steps = (low: number) => (image: Image) =>
    image.map((row) => row.map((pixel) => pixel.map((v) => (Math.floor(8 * v) + low) / 8)));
  tf.tidy(() => {
    const views = tf.tensor4d(randomImages(random, [4, 5, 7, 3]).map(steps(0.25)));
    const target = tf.tensor4d(randomImages(random, [2, 5, 7, 3]).map(steps(0.75)));
    const error = (x: tf.Tensor4D) => photometricError(x, target, 0.85);
    assertGradient(error, views, random, { h: 2e-3, tolerance: 4e-2 });
  });
});

test("projectPixels() carries what lies behind the camera far outside: a case worked by hand", () => {
  // One row of pixels 0, 1 and 2 of inverse depths 1, 1.98 and 4, and a camera that backs away by 1/2.
  const disparity = tf.tensor4d([1, 1.98, 4], [1, 1, 3, 1]);
  const projection = tf.tensor3d([1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, -0.5], [1, 3, 4]);
  const [[row]] = tf.tidy(() => projectPixels(disparity, projection)).arraySync();
  tf.dispose([disparity, projection]);
  // What is left of depth is 0.5, 0.01, and nothing, for which a thousandth stands.
  const expected = [[0, 2], [100, 100], [2000, 1000]];
  row.forEach((place, i) =>
    place.forEach((value, k) => assertAlmostEquals(value, expected[i][k], 0.01))
  );
});

test("projectPixels() has the gradients of its values", () => {
  const random = randomStream(seed, "project");
  tf.tidy(() => {
    const disparity = tf.tensor4d(randomImages(random, [2, 5, 7, 1], 0.1, 0.5));
    const camera = [1, 0.1, 0.2, 0.5, -0.1, 1, 0.3, -0.4, 0.01, -0.01, 1, 0.3];
    const projection = tf.tensor3d([...camera, ...camera.map((v) => v + 0.01)], [2, 3, 4]);
    assertGradient((d) => projectPixels(d, projection), disparity, random);
    const ofFlat = (x: tf.Tensor4D) =>
      projectPixels(disparity, tf.reshape(x, [2, 3, 4]) as tf.Tensor3D);
    assertGradient(ofFlat, tf.reshape(projection, [1, 2, 3, 4]), random, { h: 1e-3 });
  });
});

test("ssim() is 1 for equal images and less for others", () => {
  tf.tidy(() => {
    const a = tf.tensor4d(randomImages(randomStream(seed), [1, 4, 4, 1]));
    ssim(a, a).dataSync().forEach((v) => assertAlmostEquals(v, 1, 1e-4));
    // Constant images of 0.2 and 0.4: (2 * 0.08 + c1) / (0.04 + 0.16 + c1).
    const flat = ssim(tf.fill([1, 3, 3, 1], 0.2), tf.fill([1, 3, 3, 1], 0.4)).dataSync();
    flat.forEach((v) => assertAlmostEquals(v, 0.1601 / 0.2001, 1e-3));
  });
});

test("batchNormTrain() agrees with its definition, with each option", () => {
  const random = randomStream(seed, "norm");
  for (const shape of [[2, 3, 5, 4], [7, 1, 1, 1], [1, 2, 1, 3]]) {
    const [x, residual] = [0, 1].map(() => randomImages(random, shape, -2, 3));
    const [scale, offset] = [0, 1].map(() =>
      Array.from({ length: shape[3] }, () => random.uniform(-1, 1))
    );
    for (const [relu, add, epsilon] of [[false, false, 1e-5], [true, true, 0.3]] as const) {
      const { y, mean, variance } = tf.tidy(() => {
        const options = { relu, epsilon, residual: add ? tf.tensor4d(residual) : undefined };
        const result = batchNormTrain(
          tf.tensor4d(x),
          tf.tensor1d(scale),
          tf.tensor1d(offset),
          options,
        );
        return { ...result };
      });
      for (let c = 0; c < shape[3]; c++) {
        const channel = x.flat(2).map((pixel) => pixel[c]);
        const m = channel.reduce((s, v) => s + v, 0) / channel.length;
        const v = channel.reduce((s, v) => s + (v - m) ** 2, 0) / channel.length;
        assertAlmostEquals(mean.dataSync()[c], m, 1e-5);
        assertAlmostEquals(variance.dataSync()[c], v, 1e-4);
        const added = residual.flat(2).map((pixel) => add ? pixel[c] : 0);
        channel.forEach((value, i) => {
          const normal = (value - m) / Math.sqrt(v + epsilon) * scale[c] + offset[c] + added[i];
          const expected = relu ? Math.max(0, normal) : normal;
          assertAlmostEquals(y.dataSync()[i * shape[3] + c], expected, 1e-4, `seed ${seed}`);
        });
      }
      tf.dispose([y, mean, variance]);
    }
  }
});

test("batchNormTrain() gradients agree with finite differences", () => {
  const random = randomStream(seed, "norm gradient");
  const shape: [number, number, number, number] = [2, 3, 4, 2];
  tf.tidy(() => {
    const [x, residual] = [0, 1].map(() => tf.tensor4d(randomImages(random, shape, -2, 2)));
    const scale = tf.tensor1d([0.7, -1.2]);
    const offset = tf.tensor1d([0.1, 0.4]);
    const norm = (x: tf.Tensor4D, residual: tf.Tensor4D, scale: tf.Tensor, offset: tf.Tensor) =>
      batchNormTrain(x, scale as tf.Tensor1D, offset as tf.Tensor1D, { residual }).y;
    assertGradient((x) => norm(x, residual, scale, offset), x, random);
    assertGradient((r) => norm(x, r, scale, offset), residual, random);
    assertGradient((s) => norm(x, residual, tf.reshape(s, [2]), offset), as4d(scale), random);
    assertGradient((o) => norm(x, residual, scale, tf.reshape(o, [2])), as4d(offset), random);
  });

  function as4d(x: tf.Tensor): tf.Tensor4D {
    return tf.reshape(x, [1, 1, 1, 2]);
  }
});
