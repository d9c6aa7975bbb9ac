import * as tf from "@tensorflow/tfjs-core";
import { differences } from "../../oracles/dense.ts";
import { resized } from "../../oracles/resizing.ts";
import { assertClose, draw, kernelTest, runKernel, tensor } from "./support.ts";

type Size = [number, number];
// In half of the cases a side grows by a factor that is no power of two.
const CASES: [shape: number[], size: Size][] = [
  [[2, 3, 5, 3], [6, 10]],
  [[1, 7, 4, 1], [3, 9]],
  [[1, 5, 6, 5], [5, 3]],
  [[2, 1, 1, 2], [4, 3]],
  [[1, 4, 6, 2], [1, 1]],
  [[1, 2, 3, 17], [4, 5]],
];
const CONVENTIONS = [
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
  { alignCorners: false, halfPixelCenters: true },
];

for (const kind of ["bilinear", "nearest"] as const) {
  const name = kind === "bilinear" ? "ResizeBilinear" : "ResizeNearestNeighbor";
  const symbol = `cpcdr_resize_${kind}`;
  kernelTest(`${name} agrees with its definition`, symbol, (random) => {
    for (const how of CONVENTIONS) {
      for (const [shape, size] of CASES) {
        const x = draw(random, shape);
        const [got] = runKernel(name, { images: tensor(x) }, { size, ...how });
        assertClose(got, resized(x, size, kind, how), 2e-6, `[${shape}] to [${size}] ${how}`);
      }
    }
  });

  kernelTest(`${name}Grad is the derivative`, `${symbol}_grad`, (random) => {
    for (const how of CONVENTIONS) {
      for (const [shape, size] of CASES) {
        const [x, dy] = [draw(random, shape), draw(random, [shape[0], ...size, shape[3]])];
        const [got] = runKernel(`${name}Grad`, { images: tensor(x), dy: tensor(dy) }, how);
        const expected = differences((x) => resized(x, size, kind, how), x, dy);
        assertClose(got, expected, 1e-5, `[${shape}] to [${size}]`);
      }
    }
  });
}

kernelTest(
  "ResizeBilinear leaves an image of the same size as it is",
  "cpcdr_resize_bilinear",
  (r) => {
    const x = draw(r, [2, 5, 7, 3]);
    for (const [align, half] of [[false, false], [true, false], [false, true]]) {
      const same = tf.image.resizeBilinear(tensor<tf.Tensor4D>(x), [5, 7], align, half);
      assertClose(same, x, 0);
    }
  },
);
