import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import {
  type Block,
  type Choice,
  fitting,
  invocationsOf,
  memoryOf,
  nearestChoice,
  type Tiles,
  tilesOf,
} from "../../../lib/engine/webgpu/tiles.ts";
import { BLOCKS } from "../../../lib/engine/webgpu/tile_table.ts";
import { matrixProduct } from "../../oracles/products.ts";
import { assertClose, draw, tensor } from "../kernels/support.ts";
import { smallBlock, tilesWith } from "./forms.ts";
import { gpuTest } from "./support.ts";

const wide: Block = { ...smallBlock, columns: 64, buffers: 2 };

function tilesOfShapes(...shapes: (readonly [Choice["kind"], number, number, number, Block?])[]) {
  const choices = shapes.map(([kind, rows, columns, depth, block]): Choice => (
    { kind, rows, columns, depth, block, groups: 0 }
  ));
  return { ...tilesOf.gpu, choices } satisfies Tiles;
}

Deno.test("nearestChoice() takes the shape that is apart by the smallest factor", () => {
  const tiles = tilesOfShapes(
    ["product", 1000, 10, 100, smallBlock],
    ["product", 100, 100, 100, wide],
    ["forward", 500, 20, 100],
  );
  const block = (...shape: [number, number, number]) =>
    nearestChoice(tiles, "product", shape)?.block;
  // 2 * 2, against 5 * 5; then 5, against 500.
  assertEquals(block(500, 20, 100), smallBlock);
  assertEquals(block(20, 100, 100), wide);
  assertEquals(nearestChoice(tiles, "forward", [2, 2, 2])?.rows, 500);
  assertEquals(nearestChoice(tiles, "filterGradient", [2, 2, 2]), undefined);
});

Deno.test("nearestChoice() has no block for a single row or column, or for empty sums", () => {
  const tiles = tilesWith(smallBlock, 0);
  for (const shape of [[1, 9, 9], [9, 1, 9], [9, 9, 0], [0, 9, 9]] as const) {
    assertEquals(nearestChoice(tiles, "product", shape), undefined, `${shape}`);
  }
});

Deno.test("fitting() leaves out blocks that a device has no room for", () => {
  const tiles = tilesOfShapes(["product", 8, 8, 8, smallBlock], ["product", 8, 8, 8, wide], [
    "product",
    2,
    2,
    2,
  ]);
  // 16 + 16 numbers and two vectors of padding, 4 steps; 16 + 64, twice.
  assertEquals([memoryOf(smallBlock), memoryOf(wide)], [640, 2816]);
  assertEquals([invocationsOf(smallBlock), invocationsOf(wide)], [16, 64]);
  const left = (bytes: number, invocations: number) =>
    fitting(tiles, {
      maxComputeWorkgroupStorageSize: bytes,
      maxComputeInvocationsPerWorkgroup: invocations,
    }).choices.map(({ block }) => block);
  assertEquals(left(2816, 64), [smallBlock, wide, undefined]);
  assertEquals(left(2815, 64), [smallBlock, undefined]);
  assertEquals(left(2816, 63), [smallBlock, undefined]);
  assertEquals(left(639, 64), [undefined]);
});

Deno.test("a software adapter has no blocks, and those of a GPU deal work out evenly", () => {
  assertEquals(tilesOf.software.choices, []);
  assert(tilesOf.gpu.choices.length > 0);
  for (const block of BLOCKS) {
    const invocations = invocationsOf(block);
    assert(Number.isInteger(Math.log2(invocations)) && invocations <= 256, JSON.stringify(block));
    for (const lines of [block.rows, block.columns]) {
      const vectors = lines * block.depth / 4;
      assert(vectors % invocations === 0 || invocations % vectors === 0, JSON.stringify(block));
    }
  }
});

for (const [number, block] of BLOCKS.entries()) {
  gpuTest(`matMul by block ${number} of the table agrees with its definition`, (random) => {
    const a = draw(random, [block.rows + 3, 21]), b = draw(random, [21, block.columns + 5]);
    const got = tf.matMul(tensor(a), tensor(b));
    assertClose(got, matrixProduct(a, b, false, false), 1e-4);
  }, { tiles: tilesWith(block, 0) });
}
