import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { type Random, randomStream } from "../../../lib/random.ts";
import { at, build, type Dense, differences } from "../../oracles/dense.ts";
import { normalised } from "../../oracles/normalisation.ts";
import {
  assertClose,
  draw,
  kernelTest,
  library,
  nativeTest,
  runKernel,
  tensor,
} from "./support.ts";

const SHAPES = [[2, 3, 5, 3], [1, 2, 1, 1], [3, 1, 7, 17], [2, 1, 1, 130], [40, 16], [5, 6, 7, 2]];
const MODES = [[false, false], [true, false], [false, true], [true, true]] as const;
const epsilon = 1e-3;

function drawInputs(random: Random, shape: number[]) {
  const channels = [shape[shape.length - 1]];
  return {
    x: draw(random, shape),
    scale: draw(random, channels),
    offset: draw(random, channels),
    residual: draw(random, shape),
  };
}

function forward(
  { x, scale, offset, residual }: Record<"x" | "scale" | "offset" | "residual", Dense>,
  relu: boolean,
  withResidual: boolean,
): tf.Tensor[] {
  const inputs = { x: tensor(x), scale: tensor(scale), offset: tensor(offset) };
  return runKernel(
    "BatchNormTrain",
    withResidual ? { ...inputs, residual: tensor(residual) } : inputs,
    { epsilon, relu, residual: withResidual },
  );
}

kernelTest("BatchNormTrain agrees with its definition", "cpcdr_batch_norm", (random) => {
  for (const shape of SHAPES) {
    for (const [relu, withResidual] of MODES) {
      const inputs = drawInputs(random, shape);
      const [y, mean, variance] = forward(inputs, relu, withResidual);
      const residual = withResidual ? inputs.residual : undefined;
      const { x, scale, offset } = inputs;
      const expected = normalised(x, scale, offset, { epsilon, relu, residual });
      assertClose(y, expected.y, 1e-5, `y of [${shape}]`);
      assertClose(mean, expected.mean, 1e-6, `mean of [${shape}]`);
      assertClose(variance, expected.variance, 1e-6, `variance of [${shape}]`);
    }
  }
});

kernelTest("BatchNormTrain keeps its digits far from zero", "cpcdr_batch_norm", (random) => {
  const { scale, offset } = drawInputs(random, [300, 5]);
  // A mean 1000 deviations away, and a first value that is an outlier.
  const values = Float32Array.from({ length: 1500 }, () => 1000 + random.normal());
  values.set([2000, 0, 1000, 1500, 1000]);
  const x = { shape: [300, 5], values };
  const [, mean, variance] = runKernel(
    "BatchNormTrain",
    { x: tensor(x), scale: tensor(scale), offset: tensor(offset) },
    { epsilon, relu: false, residual: false },
  );
  const expected = normalised(x, scale, offset, { epsilon, relu: false });
  assertClose(mean, expected.mean, 1e-7);
  assertClose(variance, expected.variance, 1e-5);
});

kernelTest("BatchNormTrainGrad is the derivative", "cpcdr_batch_norm_grad", (random) => {
  for (const shape of [[2, 2, 3, 3], [1, 2, 1, 1], [9, 17]]) {
    for (const [relu, withResidual] of MODES) {
      const inputs = drawInputs(random, shape);
      const { x, scale, offset } = inputs;
      const dy = draw(random, shape);
      const [y, mean, variance] = forward(inputs, relu, withResidual);
      const [dx, dscale, doffset, dresidual] = runKernel(
        "BatchNormTrainGrad",
        { dy: tensor(dy), x: tensor(x), y, scale: tensor(scale), mean, variance },
        { epsilon, relu, residual: withResidual },
      );
      const residual = withResidual ? inputs.residual : undefined;
      const options = { epsilon, relu, residual };
      const gradient = (f: (moved: Dense) => Dense, of: Dense) => differences(f, of, dy, 1e-6);
      assertClose(dx, gradient((x) => normalised(x, scale, offset, options).y, x), 2e-4, "dx");
      assertClose(
        dscale,
        gradient((scale) => normalised(x, scale, offset, options).y, scale),
        2e-4,
        "dscale",
      );
      assertClose(
        doffset,
        gradient((offset) => normalised(x, scale, offset, options).y, offset),
        2e-4,
        "doffset",
      );
      if (!residual) continue;
      const of = (residual: Dense) => normalised(x, scale, offset, { ...options, residual }).y;
      assertClose(dresidual, gradient(of, residual), 2e-4, "dresidual");
    }
  }
});

kernelTest("batchNorm normalises by given statistics", "cpcdr_binary", (random) => {
  for (const shape of [[3, 4, 5, 7], [9, 1], [2, 200]]) {
    const channels = [shape[shape.length - 1]];
    const x = draw(random, shape);
    const [mean, spread, scale, offset] = [1, 2, 3, 4].map(() => draw(random, channels));
    const variance = { shape: channels, values: Float32Array.from(spread.values, (v) => v * v) };
    for (const [given, shift] of [[scale, offset], [undefined, undefined], [scale, undefined]]) {
      const y = tf.batchNorm(
        tensor(x),
        tensor<tf.Tensor1D>(mean),
        tensor<tf.Tensor1D>(variance),
        shift && tensor<tf.Tensor1D>(shift),
        given && tensor<tf.Tensor1D>(given),
        0.01,
      );
      const expected = build(
        shape,
        (place) =>
          (at(x, place) - at(mean, place)) / Math.sqrt(at(variance, place) + 0.01) *
            (given ? at(given, place) : 1) + (shift ? at(shift, place) : 0),
      );
      assertClose(y, expected, 1e-5, `[${shape}]`);
    }
  }
});

nativeTest("BatchNormTrain gives the same bytes on any threads", "cpcdr_batch_norm", () => {
  const results = [1, 2, 3].map((threads) => {
    library!.setThreads(threads);
    const inputs = drawInputs(randomStream(5), [4, 33, 31, 19]);
    const outputs = forward(inputs, true, true);
    const dy = draw(randomStream(6), [4, 33, 31, 19]);
    const [y, mean, variance] = outputs;
    const given = { dy: tensor(dy), x: tensor(inputs.x), y, scale: tensor(inputs.scale) };
    const gradients = runKernel("BatchNormTrainGrad", { ...given, mean, variance }, {
      epsilon,
      relu: true,
      residual: true,
    });
    return [...outputs, ...gradients].map((output) => output.dataSync());
  });
  library!.setThreads(0);
  assertEquals(results[1], results[0]);
  assertEquals(results[2], results[0]);
});
