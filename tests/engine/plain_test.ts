import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { usePlainBackend } from "../../lib/engine/plain.ts";
import { registerGradients } from "../../lib/engine/gradients.ts";
import { randomStream } from "../../lib/random.ts";
import { differences } from "../oracles/dense.ts";
import { resized } from "../oracles/resizing.ts";
import { assertClose, draw, tensor } from "./kernels/support.ts";

const CASES: [shape: number[], size: [number, number]][] = [
  [[2, 3, 5, 3], [6, 10]],
  [[3, 4, 4, 1], [3, 9]],
  [[2, 5, 6, 5], [5, 3]],
  [[2, 1, 1, 2], [4, 3]],
  [[1, 4, 6, 2], [1, 1]],
];

Deno.test("usePlainBackend() has a right gradient of resizeNearestNeighbor, for batches too", async () => {
  await registerGradients();
  await usePlainBackend();
  assertEquals(tf.getBackend(), "cpu");
  const seed = Math.floor(Math.random() * 2 ** 32), random = randomStream(seed, "plain");
  for (const [alignCorners, halfPixelCenters] of [[false, false], [true, false], [false, true]]) {
    const how = { alignCorners, halfPixelCenters };
    for (const [shape, size] of CASES) {
      const [x, dy] = [draw(random, shape), draw(random, [shape[0], ...size, shape[3]])];
      const resize = (x: tf.Tensor) =>
        tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, alignCorners, halfPixelCenters);
      const got = tf.grad(resize)(tensor(x), tensor(dy));
      const expected = differences((x) => resized(x, size, "nearest", how), x, dy);
      assertClose(got, expected, 1e-5, `seed ${seed}: [${shape}] to [${size}]`);
    }
  }
});

Deno.test("usePlainBackend() does not greet", async () => {
  const code = `import { usePlainBackend } from ${
    JSON.stringify(new URL("../../lib/engine/plain.ts", import.meta.url).href)
  }; import * as tf from "@tensorflow/tfjs-core";
  await usePlainBackend(); console.log(...await tf.add([1], [2]).data());`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fromFileUrl(new URL("../../deno.json", import.meta.url)), code],
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  assertEquals([out, err], ["3", ""]);
});
