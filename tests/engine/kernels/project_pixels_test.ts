import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { type Random, randomStream } from "../../../lib/random.ts";
import { at, build, type Dense, differences } from "../../oracles/dense.ts";
import {
  assertClose,
  draw,
  kernelTest,
  library,
  nativeTest,
  runKernel,
  tensor,
} from "./support.ts";

/** Batch, height and width. */
const CASES = [[2, 5, 7], [1, 1, 1], [3, 4, 33], [1, 19, 2]] as const;
const LEAST = 1e-3;

/** Frames seen by cameras that turn and move a little, nowhere near behind them: depth is 0.28 at least. */
function drawFrames(random: Random, [batch, height, width]: readonly number[]) {
  const disparity = {
    shape: [batch, height, width, 1],
    values: Float32Array.from({ length: batch * height * width }, () => random.uniform(0.02, 0.6)),
  };
  const still = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  const values = Float32Array.from({ length: 12 * batch }, (_, i) => {
    if (i % 12 < 8) return still[i % 12] + 0.2 * random.normal();
    const perPixel = i % 4 < 2 ? Math.max(height, width) : 1;
    return still[i % 12] + random.uniform(-0.2, 0.2) / perPixel;
  });
  return { disparity, projection: { shape: [batch, 3, 4], values } };
}

function positions(disparity: Dense, projection: Dense): Dense {
  const [batch, height, width] = disparity.shape;
  return build([batch, height, width, 2], ([n, y, x, axis]) => {
    const pixel = [x, y, 1, at(disparity, [n, y, x, 0])];
    const number = (r: number) =>
      pixel.reduce((sum, value, k) => sum + at(projection, [n, r, k]) * value, 0);
    return number(axis) / Math.max(number(2), LEAST);
  });
}

kernelTest("ProjectPixels agrees with its definition", "cpcdr_project_pixels", (random) => {
  for (const size of CASES) {
    const { disparity, projection } = drawFrames(random, size);
    const inputs = { disparity: tensor(disparity), projection: tensor(projection) };
    const [got] = runKernel("ProjectPixels", inputs, { least: LEAST });
    assertClose(got, positions(disparity, projection), 5e-6, `[${size}]`);
  }
});

kernelTest(
  "ProjectPixels puts what lies behind the camera far outside",
  "cpcdr_project_pixels",
  () => {
    const disparity = { shape: [1, 1, 2, 1], values: [0.5, NaN] };
    const projection = { shape: [1, 3, 4], values: [1, 0, 0, 2, 0, 1, 3, 0, 0, 0, 1, -4] };
    const inputs = { disparity: tensor(disparity), projection: tensor(projection) };
    const [got] = runKernel("ProjectPixels", inputs, { least: LEAST });
    // (0 + 1, 3) over 1 - 2, which becomes 1e-3.
    assertClose(got, { shape: [1, 1, 2, 2], values: [1000, 3000, NaN, NaN] }, 1e-5);
    const dy = tensor({ shape: [1, 1, 2, 2], values: [1, 1, 0, 0] });
    const attrs = { least: LEAST, of: "disparity" };
    const near = { ...inputs, disparity: tensor({ shape: [1, 1, 2, 1], values: [0.5, 0.1] }) };
    const [slope] = runKernel("ProjectPixelsGrad", { dy, ...near }, attrs);
    // The third number is held: only (2, 0) / 1e-3 is left.
    assertClose(slope, { shape: [1, 1, 2, 1], values: [2000, 0] }, 1e-5);
  },
);

function map({ shape, values }: Dense, f: (value: number, i: number) => number): Dense {
  return { shape, values: Float64Array.from(values, f) };
}

kernelTest("ProjectPixelsGrad is the derivative", "cpcdr_project_pixels_grad", (random) => {
  for (const size of CASES) {
    const { disparity, projection } = drawFrames(random, size);
    const dy = draw(random, [...size, 2]);
    const inputs = {
      dy: tensor(dy),
      disparity: tensor(disparity),
      projection: tensor(projection),
    };
    const slopes = {
      disparity: (dy: Dense) =>
        differences((disparity) => positions(disparity, projection), disparity, dy),
      projection: (dy: Dense) =>
        differences((projection) => positions(disparity, projection), projection, dy),
    };
    for (const side of ["disparity", "projection"] as const) {
      const [got] = runKernel("ProjectPixelsGrad", inputs, { least: LEAST, of: side });
      // Terms of either sign cancel: what rounding costs is a part of their sum without signs.
      const unsigned = slopes[side](map(dy, Math.abs));
      const scales = map(unsigned, (sum) => 1 + Math.abs(sum));
      const parts = map(slopes[side](dy), (slope, i) => slope / scales.values[i]);
      assertClose(tf.div(got, tensor(scales)), parts, 1e-5, `[${size}] of ${side}`);
    }
  }
});

nativeTest(
  "ProjectPixelsGrad gives the same bytes on any threads",
  "cpcdr_project_pixels_grad",
  () => {
    const results = [1, 2, 3].map((threads) => {
      library!.setThreads(threads);
      const random = randomStream(6), size = [5, 20, 37];
      const { disparity, projection } = drawFrames(random, size);
      const dy = tensor(draw(random, [...size, 2]));
      const inputs = { dy, disparity: tensor(disparity), projection: tensor(projection) };
      return ["disparity", "projection"].map((of) =>
        runKernel("ProjectPixelsGrad", inputs, { least: LEAST, of })[0].dataSync()
      );
    });
    library!.setThreads(0);
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
  },
);
