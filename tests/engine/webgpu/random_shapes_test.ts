import * as tf from "@tensorflow/tfjs-core";
import { assert } from "@std/assert";
import { useDevice } from "../../../lib/engine/device.ts";
import type { Random } from "../../../lib/random.ts";
import { draw, runKernel, tensor } from "../kernels/support.ts";
import { gpuTest } from "./support.ts";

/** Operands by name, and what is made of them. */
interface Case {
  readonly name: string;
  readonly shapes: Readonly<Record<string, number[]>>;
  run(operands: Record<string, tf.Tensor>): tf.Tensor[];
}

/** Cases of a family. */
const CASES = 16;

/** Of the largest value, how far engines may lie apart: sums of up to 200,000 terms in float32. */
const TOLERANCE = 2e-4;

/** Elements of an operand, and products of a result. */
const MOST_ELEMENTS = 5e6, MOST_PRODUCTS = 2e9;

/** A whole number from `low` to `high`, small ones as likely as large ones by factors. */
function size(random: Random, low: number, high: number): number {
  return Math.max(low, Math.round(low * (Math.max(low, high) / low) ** random.uniform()));
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(values.length)];
}

function convolution(random: Random): Case {
  const extent = pick(random, [1, 2, 3, 3, 5, 7]), strides = pick(random, [1, 1, 2]);
  const dilations = strides === 1 ? pick(random, [1, 1, 2]) : 1;
  const inputs = pick(random, [1, 3, 4, 8, 13, 16, 32, 64]);
  const outputs = pick(random, [1, 4, 8, 18, 33, 64, 128]);
  const reach = (extent - 1) * dilations + 1, pad = random.integer(Math.ceil(reach / 2));
  const batch = 1 + random.integer(4), each = inputs * outputs * extent ** 2;
  const most = Math.min(MOST_ELEMENTS / Math.max(inputs, outputs), MOST_PRODUCTS / each) / batch;
  const height = size(random, reach, Math.max(reach, Math.sqrt(most)));
  const width = size(random, reach, Math.max(reach, most / height));
  const out = [height, width].map((all) => Math.floor((all + 2 * pad - reach) / strides) + 1);
  const x = [batch, height, width, inputs], filter = [extent, extent, inputs, outputs];
  const attrs = { strides, pad, dilations, dataFormat: "NHWC", inputShape: x, filterShape: filter };
  return {
    name: `[${x}] by [${filter}], ${JSON.stringify({ strides, pad, dilations })}`,
    shapes: { x, filter, dy: [batch, ...out, outputs] },
    run: (operands) =>
      ["Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"]
        .flatMap((kernel) => runKernel(kernel, operands, attrs)),
  };
}

function product(random: Random): Case {
  const depth = size(random, 1, 2e5), rows = size(random, 1, Math.min(2000, MOST_ELEMENTS / depth));
  const columns = size(
    random,
    1,
    Math.min(500, MOST_ELEMENTS / depth, MOST_PRODUCTS / depth / rows),
  );
  const [left, right] = [random.integer(2) === 1, random.integer(2) === 1];
  return {
    name: `${rows} x ${depth} x ${columns}, transposed ${[left, right]}`,
    shapes: {
      a: left ? [depth, rows] : [rows, depth],
      b: right ? [columns, depth] : [depth, columns],
    },
    run: ({ a, b }) => [tf.matMul(a, b, left, right)],
  };
}

/** Without ReLU, whose slope is another where engines round to either side of 0; variances of few rows cancel. */
function normalisation(random: Random): Case {
  const channels = size(random, 1, 600), rows = size(random, 20, MOST_ELEMENTS / channels);
  return {
    name: `[${rows},${channels}]`,
    shapes: { x: [rows, channels], scale: [channels], offset: [channels], dy: [rows, channels] },
    run: (operands) => {
      const attrs = { epsilon: 1e-3, relu: false, residual: false };
      const [y, mean, variance] = runKernel("BatchNormTrain", operands, attrs);
      const more = runKernel("BatchNormTrainGrad", { ...operands, y, mean, variance }, attrs);
      return [y, mean, variance, ...more];
    },
  };
}

function resizing(random: Random): Case {
  const [height, width] = [size(random, 1, 60), size(random, 1, 60)],
    factor = pick(random, [2, 3, 8]);
  const channels = 1 + random.integer(9), batch = 1 + random.integer(3);
  const larger = [height * factor, width * factor] as [number, number];
  const resize = (x: tf.Tensor) => tf.image.resizeBilinear(x as tf.Tensor4D, larger, true);
  return {
    name: `[${batch},${height},${width},${channels}] by ${factor}`,
    shapes: { x: [batch, height, width, channels], dy: [batch, ...larger, channels] },
    run: ({ x, dy }) => [
      resize(x),
      tf.grad(resize)(x, dy),
      tf.maxPool(dy as tf.Tensor4D, 3, 2, 1),
      tf.avgPool(dy as tf.Tensor4D, factor, factor, "valid"),
    ],
  };
}

const FAMILIES = { convolution, product, normalisation, resizing };

for (const [name, family] of Object.entries(FAMILIES)) {
  gpuTest(`${name} of random shapes gives what the CPU engine gives`, async (random) => {
    for (let k = 0; k < CASES; k++) {
      const one = family(random);
      const operands = Object.entries(one.shapes).map(([name, shape]) =>
        [name, draw(random, shape)] as const
      );
      const evaluate = async () => {
        const inputs = Object.fromEntries(operands.map(([name, values]) => [name, tensor(values)]));
        const results = one.run(inputs);
        const values = await Promise.all(results.map((result) => result.data<"float32">()));
        tf.dispose([inputs, results]);
        return values;
      };
      const got = await evaluate();
      await useDevice("cpu");
      const expected = await evaluate();
      await tf.setBackend("webgpu");
      expected.forEach((values, which) => {
        const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
        const off = values.reduce(
          (off, value, i) => Math.max(off, Math.abs(got[which][i] - value) || 0),
          got[which].some(Number.isNaN) ? Infinity : 0,
        );
        assert(off <= TOLERANCE * most, `${one.name}, result ${which}: ${off} off of ${most}`);
      });
    }
  });
}
