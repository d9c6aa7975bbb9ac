import * as tf from "@tensorflow/tfjs-core";
import { along, at, build } from "../../oracles/dense.ts";
import { assertClose, draw, kernelTest, runKernel, tensor } from "./support.ts";

kernelTest("Softmax and LogSoftmax agree with their definition", "cpcdr_softmax", (random) => {
  for (const shape of [[1], [5, 1], [3, 7], [2, 3, 33], [4, 100]]) {
    const last = shape.length - 1;
    const drawn = draw(random, shape);
    const x = { shape, values: Float32Array.from(drawn.values, (value) => 20 * value) };
    const sums = along(x, [last], (row) => row.reduce((sum, v) => sum + Math.exp(v), 0), true);
    const softmax = build(shape, (place) => Math.exp(at(x, place)) / at(sums, place));
    const logarithm = build(shape, (place) => at(x, place) - Math.log(at(sums, place)));
    assertClose(runKernel("Softmax", { logits: tensor(x) }, { dim: last })[0], softmax, 1e-6);
    assertClose(runKernel("LogSoftmax", { logits: tensor(x) }, { axis: last })[0], logarithm, 1e-6);
  }
});

kernelTest("Softmax takes large logits and keeps NaN to its row", "cpcdr_softmax", () => {
  const x = tf.tensor2d([[1e4, 1e4], [-Infinity, 0], [NaN, 0]]);
  assertClose(tf.softmax(x), { shape: [3, 2], values: [0.5, 0.5, 0, 1, NaN, NaN] }, 0);
});
