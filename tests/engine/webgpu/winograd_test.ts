import * as tf from "@tensorflow/tfjs-core";
import { assert } from "@std/assert";
import { type Tiles, tilesOf } from "../../../lib/engine/webgpu/tiles.ts";
import { convolutionGradients, convolved, type Sliding } from "../../oracles/products.ts";
import { assertClose, draw, runKernel, tensor } from "../kernels/support.ts";
import { smallBlock, tilesWith } from "./forms.ts";
import { gpuTest } from "./support.ts";

type Pair = [number, number];

/** Images, output channels and what is put around them: odd sizes, single pixels, no border, a whole window. */
const SHAPES: readonly (readonly [x: number[], outputs: number, rows: Pair, columns: Pair])[] = [
  [[1, 1, 1, 4], 4, [1, 1], [1, 1]],
  [[3, 5, 7, 8], 12, [1, 1], [1, 1]],
  [[2, 6, 4, 4], 8, [0, 0], [0, 0]],
  [[2, 3, 9, 12], 4, [2, 0], [1, 2]],
  [[1, 4, 3, 20], 16, [2, 2], [2, 2]],
  // Further out than any window reaches.
  [[1, 2, 3, 4], 4, [3, 4], [4, 3]],
];

const everything = { channels: 4, tiles: 1 };
const FORMS: readonly (readonly [string, Tiles])[] = [
  ["at once", { ...tilesOf.software, winograd: { ...everything, bytes: 1 << 27 } }],
  ["image by image", { ...tilesOf.software, winograd: { ...everything, bytes: 1 } }],
  ["by blocks", {
    ...tilesWith(smallBlock, 1000),
    winograd: { ...everything, bytes: 1 << 27 },
  }],
];

for (const [form, tiles] of FORMS) {
  for (const [shape, outputs, rows, columns] of SHAPES) {
    const sliding: Sliding = { stride: [1, 1], dilation: [1, 1], rows, columns };
    const filterShape = [3, 3, shape[3], outputs];
    const attrs = {
      strides: 1,
      pad: [[0, 0], rows, columns, [0, 0]],
      dataFormat: "NHWC",
      dilations: 1,
      inputShape: shape,
      filterShape,
    };
    const name = `[${shape}] by [${filterShape}] within ${rows} and ${columns}, ${form},`;

    gpuTest(`Winograd's convolution of ${name} agrees with its definition`, (random) => {
      const x = draw(random, shape), filter = draw(random, filterShape);
      const expected = convolved(x, filter, sliding);
      const dy = draw(random, expected.shape);
      const inputs = { x: tensor(x), dy: tensor(dy), filter: tensor(filter) };
      const [y] = runKernel("Conv2D", inputs, attrs);
      const [dx] = runKernel("Conv2DBackpropInput", inputs, attrs);
      const [dfilter] = runKernel("Conv2DBackpropFilter", inputs, attrs);
      const gradients = convolutionGradients(x, filter, dy, sliding);
      assertClose(y, expected, 1e-5, "y");
      assertClose(dx, gradients.dx, 1e-4, "dx");
      assertClose(dfilter, gradients.dfilter, 1e-4, "dfilter");
    }, { tiles });
  }
}

/** Names of the programs that a call runs. */
function programsOf(call: () => void): string[] {
  const backend = tf.backend() as unknown as { run(program: { shader: { name: string } }): void };
  const run = backend.run, names: string[] = [];
  backend.run = (program) => {
    names.push(program.shader.name);
    run.call(backend, program);
  };
  try {
    call();
  } finally {
    backend.run = run;
  }
  return names;
}

gpuTest("Winograd's tiles are for what suits them, and for nothing else", () => {
  const uses = (
    x: number[],
    filter: number[],
    options: { strides?: number; dilations?: number; dy?: number[] } = {},
  ) => {
    const { strides = 1, dilations = 1, dy } = options;
    const attrs = { strides, dilations, pad: "same", dataFormat: "NHWC", inputShape: x };
    const filters = tf.zeros(filter);
    const names = programsOf(() =>
      dy
        ? runKernel("Conv2DBackpropInput", { dy: tf.zeros(dy), filter: filters }, attrs)
        : runKernel("Conv2D", { x: tf.zeros(x), filter: filters }, attrs)
    );
    return names.some((name) => name.includes("Winograd"));
  };
  const x = [1, 8, 8, 8], filter = [3, 3, 8, 8];
  assert(uses(x, filter));
  assert(uses(x, filter, { dy: x }));
  assert(!uses(x, [5, 5, 8, 8]));
  assert(!uses(x, [1, 3, 8, 8]));
  assert(!uses(x, filter, { strides: 2 }));
  assert(!uses(x, filter, { dilations: 2 }));
  assert(!uses([1, 8, 8, 6], [3, 3, 6, 8]));
  assert(!uses(x, [3, 3, 8, 4]));
  assert(!uses([1, 8, 6, 8], filter));
  // Of a larger gradient, as conv2dTranspose allows, the rest is left out.
  assert(!uses(x, filter, { dy: [1, 9, 8, 8] }));
}, { tiles: { ...tilesOf.software, winograd: { channels: 8, tiles: 16, bytes: 1 << 20 } } });
