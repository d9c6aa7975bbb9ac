import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { type Random, randomStream } from "../../../lib/random.ts";
import { at, build, type Dense, differences } from "../../oracles/dense.ts";
import { bilinear } from "../../oracles/sampling.ts";
import {
  assertClose,
  draw,
  kernelTest,
  library,
  nativeTest,
  runKernel,
  tensor,
} from "./support.ts";

const PADDINGS = ["border", "zeros"] as const;
type Padding = typeof PADDINGS[number];
const CASES: [shape: number[], out: [number, number]][] = [
  [[2, 5, 7, 3], [3, 4]],
  [[1, 1, 1, 1], [2, 2]],
  [[1, 4, 3, 1], [5, 1]],
  [[3, 2, 6, 9], [1, 5]],
  [[1, 6, 2, 2], [4, 4]],
];

function sampled(x: Dense, grid: Dense, padding: Padding): Dense {
  const [, height, width, channels] = x.shape;
  const line = (n: number, f: (i: number) => unknown) => Array.from({ length: n }, (_, i) => f(i));
  const [batch, rows, columns] = grid.shape;
  const images = line(
    batch,
    (b) => line(height, (y) => line(width, (k) => line(channels, (c) => at(x, [b, y, k, c])))),
  ) as number[][][][];
  return build([batch, rows, columns, channels], ([b, r, k, c]) => {
    const [column, row] = [at(grid, [b, r, k, 0]), at(grid, [b, r, k, 1])];
    return bilinear(images[b], column, row, padding)[c];
  });
}

/** Positions in and around the image, none nearer than 0.05 to a whole number, where slopes jump. */
function drawGrid(random: Random, [batch, height, width]: number[], out: number[]): Dense {
  const coordinate = (size: number) => random.integer(size + 3) - 2 + random.uniform(0.05, 0.95);
  const values = new Float32Array(batch * out[0] * out[1] * 2);
  for (let i = 0; i < values.length; i += 2) values.set([coordinate(width), coordinate(height)], i);
  return { shape: [batch, ...out, 2], values };
}

kernelTest("GridSample agrees with a tent over every pixel", "cpcdr_grid_sample", (random) => {
  for (const padding of PADDINGS) {
    for (const [shape, out] of CASES) {
      const x = draw(random, shape), grid = drawGrid(random, shape, out);
      const [got] = runKernel("GridSample", { x: tensor(x), grid: tensor(grid) }, { padding });
      assertClose(got, sampled(x, grid, padding), 2e-6, `[${shape}] ${padding}`);
    }
  }
});

kernelTest("GridSample reads whole, far and undefined positions", "cpcdr_grid_sample", () => {
  const x = { shape: [1, 2, 2, 1], values: [1, 2, 3, 4] };
  const places = [0, 0, 1, 1, -1, 0, 1e9, 1e9, -Infinity, 1, NaN, 0];
  const grid = { shape: [1, 1, 6, 2], values: places };
  const check = (padding: Padding, values: number[]) => {
    const [y] = runKernel("GridSample", { x: tensor(x), grid: tensor(grid) }, { padding });
    assertClose(y, { shape: [1, 1, 6, 1], values }, 0, padding);
  };
  check("border", [1, 4, 1, 4, 3, 1]);
  check("zeros", [1, 4, 0, 0, 0, 0]);
});

kernelTest("GridSampleGrad is the derivative", "cpcdr_grid_sample_grad", (random) => {
  for (const padding of PADDINGS) {
    for (const [shape, out] of CASES) {
      const x = draw(random, shape), grid = drawGrid(random, shape, out);
      const dy = draw(random, [shape[0], ...out, shape[3]]);
      const inputs = { dy: tensor(dy), x: tensor(x), grid: tensor(grid) };
      const expected = [
        differences((x) => sampled(x, grid, padding), x, dy),
        differences((grid) => sampled(x, grid, padding), grid, dy),
      ];
      const what = `[${shape}] ${padding}`;
      runKernel("GridSampleGrad", inputs, { padding })
        .forEach((gradient, i) => assertClose(gradient, expected[i], 1e-5, what));
      ["x", "grid"].forEach((of, i) => {
        const alone = runKernel("GridSampleGrad", inputs, { padding, of });
        assertEquals(alone.length, 1);
        assertClose(alone[0], expected[i], 1e-5, `${what} of ${of} alone`);
      });
      // Positions that are computed, which an engine may treat otherwise than those that it was given.
      const computed = { ...inputs, grid: tf.mul(inputs.grid, tf.onesLike(inputs.grid)) };
      const [again] = runKernel("GridSampleGrad", computed, { padding, of: "x" });
      assertClose(again, expected[0], 1e-5, `${what} of x at computed positions`);
    }
  }
});

nativeTest("GridSampleGrad gives the same bytes on any threads", "cpcdr_grid_sample_grad", () => {
  const results = [1, 2, 3].map((threads) => {
    library!.setThreads(threads);
    const random = randomStream(8), shape = [3, 20, 30, 3];
    const grid = tensor(drawGrid(random, shape, [40, 50]));
    const inputs = {
      dy: tensor(draw(random, [3, 40, 50, 3])),
      x: tensor(draw(random, shape)),
      grid,
    };
    return runKernel("GridSampleGrad", inputs, { padding: "border" }).map((t) => t.dataSync());
  });
  library!.setThreads(0);
  assertEquals(results[1], results[0]);
  assertEquals(results[2], results[0]);
});
