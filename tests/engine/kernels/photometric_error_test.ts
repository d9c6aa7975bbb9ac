import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { type Random, randomStream } from "../../../lib/random.ts";
import { at, type Dense, differences } from "../../oracles/dense.ts";
import { photometric } from "../../oracles/warping.ts";
import {
  assertClose,
  draw,
  kernelTest,
  library,
  nativeTest,
  runKernel,
  tensor,
} from "./support.ts";

/** Views, targets, height, width and channels. */
const CASES = [[1, 1, 2, 2, 1], [4, 2, 5, 7, 3], [3, 1, 4, 3, 2], [2, 2, 2, 19, 3]] as const;
const WEIGHTS = [0.85, 0, 1];

/** Values 0..1, no two nearer than slopes are measured by, since that of |a - b| jumps. */
function drawImages(random: Random, shape: readonly number[], offset: number): Dense {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = Float32Array.from({ length: size }, () => (random.integer(20) + offset) / 20);
  return { shape, values };
}

function errors(views: Dense, target: Dense, weight: number): Dense {
  const [count, height, width, channels] = views.shape;
  const image = (of: Dense, n: number) =>
    Array.from(
      { length: height },
      (_, y) =>
        Array.from({ length: width }, (_, x) =>
          Array.from({ length: channels }, (_, c) => at(of, [n, y, x, c]))),
    );
  const values = Array.from(
    { length: count },
    (_, n) => photometric(image(views, n), image(target, n % target.shape[0]), weight),
  ).flat(2);
  return { shape: [count, height, width], values };
}

kernelTest("PhotometricError agrees with its definition", "cpcdr_photometric_error", (random) => {
  for (const [count, targets, ...size] of CASES) {
    const views = drawImages(random, [count, ...size], 0.1);
    const target = drawImages(random, [targets, ...size], 0.6);
    const inputs = { views: tensor(views), target: tensor(target) };
    for (const ssimWeight of WEIGHTS) {
      const [got] = runKernel("PhotometricError", inputs, { ssimWeight });
      assertClose(got, errors(views, target, ssimWeight), 5e-6, `[${size}] ${ssimWeight}`);
    }
  }
});

kernelTest(
  "PhotometricError of nearly equal images keeps its digits",
  "cpcdr_photometric_error",
  (random) => {
    const views = drawImages(random, [2, 6, 19, 3], 0.5);
    const moved = Float32Array.from(views.values, (v) => Math.fround(v + 1e-3 * random.normal()));
    const target = { ...views, values: moved };
    const inputs = { views: tensor(views), target: tensor(target) };
    const [got] = runKernel("PhotometricError", inputs, { ssimWeight: 1 });
    const expected = errors(views, target, 1).values;
    // Errors of some 1e-5, which 1 - SSIM in float32 would round to steps of 6e-8.
    const relative = tf.div(got, tensor({ shape: got.shape, values: expected }));
    assertClose(relative, { shape: got.shape, values: Array.from(expected, () => 1) }, 2e-4);
  },
);

kernelTest("PhotometricErrorGrad is the derivative", "cpcdr_photometric_error_grad", (random) => {
  for (const [count, targets, ...size] of CASES) {
    const views = drawImages(random, [count, ...size], 0.1);
    const target = drawImages(random, [targets, ...size], 0.6);
    const [height, width] = size;
    const dy = draw(random, [count, height, width]);
    const inputs = { dy: tensor(dy), views: tensor(views), target: tensor(target) };
    for (const ssimWeight of WEIGHTS) {
      const [got] = runKernel("PhotometricErrorGrad", inputs, { ssimWeight });
      const expected = differences((views) => errors(views, target, ssimWeight), views, dy);
      assertClose(got, expected, 5e-5, `[${size}] ${ssimWeight}`);
    }
  }
});

kernelTest("equal images have no error and no slope", "cpcdr_photometric_error_grad", (random) => {
  const shape = [2, 4, 5, 3], images = tensor(drawImages(random, shape, 0.5));
  const dy = tensor(draw(random, [2, 4, 5]));
  const inputs = { views: images, target: images };
  const zeros = (shape: number[], length: number) => ({ shape, values: new Array(length).fill(0) });
  for (const ssimWeight of WEIGHTS) {
    const [error] = runKernel("PhotometricError", inputs, { ssimWeight });
    assertClose(error, zeros([2, 4, 5], 40), 1e-6);
    const [slope] = runKernel("PhotometricErrorGrad", { dy, ...inputs }, { ssimWeight });
    assertClose(slope, zeros(shape, 120), 1e-5);
  }
});

nativeTest(
  "PhotometricErrorGrad gives the same bytes on any threads",
  "cpcdr_photometric_error_grad",
  () => {
    const results = [1, 2, 3].map((threads) => {
      library!.setThreads(threads);
      const random = randomStream(5);
      const views = tensor(drawImages(random, [6, 20, 30, 3], 0.1));
      const target = tensor(drawImages(random, [2, 20, 30, 3], 0.6));
      const dy = tensor(draw(random, [6, 20, 30]));
      const [slope] = runKernel("PhotometricErrorGrad", { dy, views, target }, {
        ssimWeight: 0.85,
      });
      return slope.dataSync();
    });
    library!.setThreads(0);
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
  },
);
