import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import type { Random } from "../../../lib/random.ts";
import { gpuTest } from "./support.ts";

/** A tensor to draw: a shape of normal numbers, or given integers. */
type Input = number[] | { readonly shape: number[]; readonly integers: number[] };
type Case = [inputs: Record<string, Input> | Input[], attrs: Record<string, unknown>];

const integers = (shape: number[], ...values: number[]): Input => ({ shape, integers: values });
const same = { strides: [1, 2], pad: "same", dilations: 1 };
const volume = { strides: [1, 2, 1], pad: "same", dilations: 1 };
const pool = { filterSize: [2, 3, 2], strides: 2, pad: "same" };
const response = { depthRadius: 1, bias: 1.2, alpha: 0.7, beta: 0.6 };
const projection = [1.1, 0.3, -3.2, -0.2, 1.7, -4.1, 0.01, 0.02];

/** Odd sizes, sizes of one, borders that windows hang over. The engine's own oracle has no such kernels. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  DepthwiseConv2dNative: [
    [{ x: [2, 5, 6, 3], filter: [3, 2, 3, 2] }, same],
    [{ x: [1, 1, 7, 1], filter: [1, 3, 1, 1] }, { ...same, strides: 1, dilations: [1, 2] }],
  ],
  DepthwiseConv2dNativeBackpropInput: [
    [{ dy: [2, 5, 3, 6], filter: [3, 2, 3, 2] }, { ...same, inputShape: [2, 5, 6, 3] }],
  ],
  DepthwiseConv2dNativeBackpropFilter: [
    [{ x: [2, 5, 6, 3], dy: [2, 5, 3, 6] }, { ...same, filterShape: [3, 2, 3, 2] }],
  ],
  Conv3D: [
    [{ x: [2, 4, 5, 6, 2], filter: [2, 3, 3, 2, 3] }, volume],
    [{ x: [1, 1, 1, 3, 1], filter: [1, 1, 1, 1, 1] }, volume],
  ],
  Conv3DBackpropInputV2: [
    [{ dy: [1, 4, 3, 6, 3], filter: [2, 3, 3, 2, 3] }, { ...volume, inputShape: [1, 4, 5, 6, 2] }],
  ],
  Conv3DBackpropFilterV2: [
    [{ x: [1, 4, 5, 6, 2], dy: [1, 4, 3, 6, 3] }, { ...volume, filterShape: [2, 3, 3, 2, 3] }],
  ],
  MaxPool3D: [[{ x: [2, 4, 5, 6, 2] }, pool], [{ x: [1, 1, 1, 1, 1] }, pool]],
  AvgPool3D: [[{ x: [2, 4, 5, 6, 2] }, pool]],
  AvgPool3DGrad: [[{ dy: [1, 2, 3, 3, 2], input: [1, 4, 5, 6, 2] }, pool]],
  MaxPool3DGrad: [
    // tfjs-backend-cpu mistakes places in windows that are not square.
    [{ dy: [1, 2, 3, 3, 2], input: [1, 4, 5, 6, 2] }, { ...pool, filterSize: 2 }],
  ],
  MaxPoolWithArgmax: [
    [{ x: [2, 5, 6, 3] }, {
      filterSize: [2, 3],
      strides: 1,
      pad: "same",
      includeBatchInIndex: true,
    }],
    [{ x: [2, 5, 6, 3] }, { filterSize: 3, strides: 2, pad: 1, includeBatchInIndex: false }],
  ],
  Dilation2D: [[{ x: [2, 5, 6, 3], filter: [2, 3, 3] }, same]],
  Dilation2DBackpropInput: [[{ x: [2, 5, 6, 3], filter: [2, 3, 3], dy: [2, 5, 3, 3] }, same]],
  Dilation2DBackpropFilter: [[{ x: [2, 5, 6, 3], filter: [2, 3, 3], dy: [2, 5, 3, 3] }, same]],
  Transform: ["constant", "reflect", "wrap", "nearest"].map((fillMode): Case => [
    { image: [1, 5, 6, 2], transforms: integers([1, 8], ...projection) },
    { interpolation: "bilinear", fillMode, fillValue: 0.5, outputShape: [4, 7] },
  ]),
  RotateWithOffset: [
    [{ image: [2, 5, 6, 3] }, { radians: 0.7, fillValue: [1, 2, 3], center: [0.4, 0.6] }],
    [{ image: [1, 4, 3, 4] }, { radians: -2, fillValue: 9, center: 0.5 }],
  ],
  FlipLeftRight: [[{ image: [2, 5, 6, 3] }, {}]],
  LRN: [[{ x: [2, 5, 6, 3] }, response]],
  LRNGrad: [[{ x: [2, 5, 6, 3], y: [2, 5, 6, 3], dy: [2, 5, 6, 3] }, response]],
  SpaceToBatchND: [[{ x: [2, 4, 6, 3] }, { blockShape: [2, 3], paddings: [[0, 2], [2, 1]] }]],
  BatchToSpaceND: [[{ x: [12, 2, 3, 3] }, { blockShape: [2, 3], crops: [[0, 1], [2, 1]] }]],
  DepthToSpace: [[{ x: [2, 3, 2, 12] }, { blockSize: 2, dataFormat: "NHWC" }]],
  Diag: [[{ x: [2, 3] }, {}], [{ x: [1] }, {}]],
  TopK: [[{ x: [3, 4, 7] }, { k: 3, sorted: true }], [{ x: [1] }, { k: 1, sorted: true }]],
  SearchSorted: ["left", "right"].map((side): Case => [{
    sortedSequence: integers([2, 4], 0, 1, 1, 3, -1, 0, 2, 5),
    values: integers([2, 3], 1, -5, 9, 0, 1, 5),
  }, { side }]),
  Bincount: [[{ x: integers([6], 1, 1, 0, 4, 2, 1), weights: [6] }, { size: 4 }]],
  DenseBincount: [false, true].map((binaryOutput): Case => [
    { x: integers([2, 3], 1, 1, 0, 4, 2, 1), weights: [0] },
    { size: 4, binaryOutput },
  ]),
  TensorScatterUpdate: [
    [{ tensor: [4, 3], indices: integers([3, 1], 1, 3, 1), updates: [3, 3] }, {}],
  ],
  SparseToDense: [[
    { sparseIndices: integers([2, 2], 0, 1, 2, 0), sparseValues: [2], defaultValue: [] },
    { outputShape: [3, 2] },
  ]],
  Einsum: [
    [[[3, 4], [4, 5]], { equation: "ij,jk->ik" }],
    [[[3, 4], [3, 4, 2]], { equation: "ab,abc->ca" }],
    [[[3, 4]], { equation: "ij->i" }],
  ],
};

/** Runs a kernel on an engine. */
async function run(engine: string, name: string, tensors: unknown, attrs: Record<string, unknown>) {
  await tf.setBackend(engine);
  const made = (input: Drawn) => tf.tensor(input.values, input.shape, input.dtype);
  const inputs = Array.isArray(tensors) ? tensors.map(made) : Object.fromEntries(
    Object.entries(tensors as object).map(([key, input]) => [key, made(input)]),
  );
  const outputs = [tf.engine().runKernel(name, inputs as never, attrs as never)].flat();
  const read = async (tensor: tf.Tensor) => ({
    shape: tensor.shape,
    dtype: tensor.dtype,
    values: Array.from(await tensor.data()),
  });
  const results = await Promise.all(outputs.map((tensor) => read(tensor as tf.Tensor)));
  tf.dispose([inputs, outputs] as never);
  return results;
}

interface Drawn {
  readonly shape: number[];
  readonly dtype: "float32" | "int32";
  readonly values: Float32Array | Int32Array;
}

function draw(random: Random, name: string, input: Input): Drawn {
  if (Array.isArray(input)) {
    const values = Float32Array.from(
      { length: tf.util.sizeFromShape(input) },
      () => random.normal(),
    );
    return { shape: input, dtype: "float32", values };
  }
  const { shape, integers } = input;
  // What these kernels look up are floats, though they are written as integers here.
  if (["Transform", "SearchSorted"].includes(name)) {
    return { shape, dtype: "float32", values: Float32Array.from(integers) };
  }
  return { shape, dtype: "int32", values: Int32Array.from(integers) };
}

for (const [name, cases] of Object.entries(CASES)) {
  gpuTest(`${name} agrees with tfjs-backend-cpu`, async (random) => {
    for (const [inputs, attrs] of cases) {
      const drawn = Array.isArray(inputs)
        ? inputs.map((input) => draw(random, name, input))
        : Object.fromEntries(
          Object.entries(inputs).map(([key, input]) => [key, draw(random, name, input)]),
        );
      const theirs = await run("cpu", name, drawn, attrs);
      const ours = await run("webgpu", name, drawn, attrs);
      assertEquals(
        ours.map(({ shape, dtype }) => [shape, dtype]),
        theirs.map((t) => [t.shape, t.dtype]),
      );
      ours.forEach(({ values }, output) =>
        values.forEach((value, i) => {
          const expected = theirs[output].values[i];
          const close = Math.abs(value - expected) <= 1e-4 * (1 + Math.abs(expected));
          assert(close, `output ${output}, element ${i}: expected ${expected}, got ${value}`);
        })
      );
    }
  });
}
