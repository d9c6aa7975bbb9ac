import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { openDevice } from "../../../lib/engine/webgpu/device.ts";
import { registerWebGpuBackend } from "../../../lib/engine/webgpu/register.ts";
import type { Tiles } from "../../../lib/engine/webgpu/tiles.ts";
import type { Precision } from "../../../lib/engine/device.ts";
import type { Random } from "../../../lib/random.ts";
import { Pretrainer } from "../../../lib/pretrain/pretrainer.ts";
import type { Dense } from "../../oracles/dense.ts";
import { convolutionGradients, convolved, type Sliding } from "../../oracles/products.ts";
import { smallPretrainConfig } from "../../pretrain/small_config.ts";
import { syntheticBatch } from "../../pretrain/synthetic_batch.ts";
import { draw, runKernel, tensor } from "../kernels/support.ts";
import { FORMS } from "./forms.ts";
import { adapter, gpuTest } from "./support.ts";

const half = adapter?.adapter.features.has("shader-f16") ?? false;

/** Runs the body with convolutions in float16, whatever adapter there is: a software one would not be offered it. */
async function inPrecision(
  precision: Precision,
  tiles: Tiles | undefined,
  body: () => Promise<void>,
): Promise<void> {
  const device = await openDevice(adapter!, { features: ["shader-f16"] });
  registerWebGpuBackend(device, { tiles, precision });
  await tf.setBackend("webgpu");
  try {
    await body();
  } finally {
    registerWebGpuBackend(await openDevice(adapter!));
    await tf.setBackend("webgpu");
    device.handle.destroy();
  }
}

function halfTest(
  name: string,
  tiles: Tiles | undefined,
  body: (random: Random) => Promise<void>,
): void {
  gpuTest(`${name}${half ? "" : " (no shader-f16 here)"}`, async (random) => {
    if (half) await inPrecision("mixed", tiles, () => body(random));
  });
}

type Pair = [number, number];
type Convolution = [x: number[], filter: number[], stride: Pair, pad: [Pair, Pair], dilation: Pair];

/** As blocks read them: whole vectors and not, strides, a dilation, all pixels by one matrix. */
const CONVOLUTIONS: readonly Convolution[] = [
  [[2, 9, 11, 8], [3, 3, 8, 20], [1, 1], [[1, 1], [1, 1]], [1, 1]],
  [[1, 9, 13, 3], [7, 7, 3, 18], [2, 2], [[3, 3], [3, 3]], [1, 1]],
  [[2, 6, 7, 33], [1, 1, 33, 17], [1, 1], [[0, 0], [0, 0]], [1, 1]],
  [[1, 9, 8, 12], [3, 3, 12, 16], [1, 1], [[2, 2], [2, 2]], [2, 2]],
];

/** Root of the mean square of what is off, beside that of what is expected, and the most that an element is. */
async function errors(got: tf.Tensor, { values, shape }: Dense): Promise<[number, number]> {
  assertEquals(got.shape, [...shape]);
  const own = await got.data();
  const size = Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0));
  const off = Array.from(own, (value, i) => value - values[i]);
  const norm = Math.sqrt(off.reduce((sum, value) => sum + value ** 2, 0));
  const most = Math.max(...off.map(Math.abs)) * Math.sqrt(values.length);
  return [norm / size, most / size];
}

function attrsOf([x, filter, strides, [rows, columns], dilations]: Convolution) {
  const pad: tf.backend_util.ExplicitPadding = [[0, 0], rows, columns, [0, 0]];
  const attrs = { strides, pad, dataFormat: "NHWC", dilations };
  return { ...attrs, inputShape: x, filterShape: filter };
}

/** Numbers of 11 bits are off by up to 2^-11; the parts of sums that are in float16 add about as much. */
const SPREAD = 1e-3, MOST = 1e-2;

for (const [form, tiles] of FORMS.slice(1, 3)) {
  halfTest(
    `convolutions in float16 are off by its rounding alone ${form}`,
    tiles,
    async (random) => {
      for (const one of CONVOLUTIONS) {
        const [shape, filterShape, stride, [rows, columns], dilation] = one;
        const sliding: Sliding = { stride, dilation, rows, columns }, attrs = attrsOf(one);
        const x = draw(random, shape), filter = draw(random, filterShape);
        const expected = convolved(x, filter, sliding), dy = draw(random, expected.shape);
        const inputs = { x: tensor(x), filter: tensor(filter), dy: tensor(dy) };
        const { dx, dfilter } = convolutionGradients(x, filter, dy, sliding);
        for (
          const [kernel, oracle] of [
            ["Conv2D", expected],
            ["Conv2DBackpropInput", dx],
            ["Conv2DBackpropFilter", dfilter],
          ] as const
        ) {
          const [spread, most] = await errors(runKernel(kernel, inputs, attrs)[0], oracle);
          const what = `${kernel} of [${shape}] by [${filterShape}]: ${spread}, ${most}`;
          assert(spread > 1e-6, `${what}, which is float32's`);
          assert(spread < SPREAD && most < MOST, what);
        }
      }
    },
  );
}

const [, [, tiles]] = FORMS;

halfTest(
  "float16 factors neither overflow nor vanish, whatever their size",
  tiles,
  async (random) => {
    const [one] = CONVOLUTIONS;
    const [shape, filterShape] = one, attrs = attrsOf(one);
    const x = draw(random, shape), filter = draw(random, filterShape);
    const convolve = async (a: number, b: number) => {
      const inputs = { x: tf.mul(tensor(x), 2 ** a), filter: tf.mul(tensor(filter), 2 ** b) };
      const [y] = runKernel("Conv2D", inputs, attrs);
      return Array.from(await y.data(), (value) => value / 2 ** (a + b));
    };
    const expected = await convolve(0, 0);
    // A power of two changes no bit, be it far outside of float16's range.
    for (const [a, b] of [[-60, 0], [0, 50], [40, 40], [-100, 90]]) {
      assertEquals(await convolve(a, b), expected, `2^${a} and 2^${b}`);
    }
  },
);

halfTest("zeros, infinities and NaN come out of float16 as out of float32", tiles, async () => {
  const convolve = async (values: number[]) => {
    const x = tf.tensor4d(values, [1, 1, values.length, 1]);
    const filter = tf.tensor4d([1, 2], [1, 1, 1, 2]);
    const attrs = { strides: 1, pad: "same", dataFormat: "NHWC", dilations: 1 };
    const [y] = runKernel("Conv2D", { x, filter }, attrs);
    return [...await y.data()];
  };
  assertEquals(await convolve([0, 0, 0]), [0, 0, 0, 0, 0, 0]);
  assertEquals(await convolve([1, Infinity, 2]), [1, 2, Infinity, Infinity, 2, 4]);
  assertEquals(await convolve([1, NaN, 2]), [1, 2, NaN, NaN, 2, 4]);
});

halfTest("pretraining in float16 learns as in float32", tiles, async () => {
  const learn = async () => {
    const pretrainer = new Pretrainer({ ...smallPretrainConfig, steps: 12 }, 0);
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      losses.push((await pretrainer.step(syntheticBatch(step % 3, 32, 64), step)).loss);
    }
    pretrainer.dispose();
    return losses;
  };
  const mixed = await learn();
  let exact: number[] = [];
  await inPrecision("float32", tiles, async () => {
    exact = await learn();
  });
  const mean = (losses: readonly number[]) => losses.reduce((sum, loss) => sum + loss, 0) / 3;
  const learnt = (losses: readonly number[]) => mean(losses.slice(0, 3)) - mean(losses.slice(-3));
  assert(learnt(exact) > 0.5, `float32 learns: ${exact}`);
  assert(exact.some((loss, step) => loss !== mixed[step]), "they differ");
  assert(Math.abs(mixed[0] / exact[0] - 1) < 0.005, `first losses ${exact[0]} and ${mixed[0]}`);
  // Single losses are noise so early; but half as much at least must be learnt.
  assert(learnt(mixed) > 0.5 * learnt(exact), `losses ${exact} and ${mixed}`);
});
