import { assertEquals, assertRejects } from "@std/assert";
import { mixedBatch } from "../../lib/mix/batches.ts";
import { tinyMixConfig } from "../../lib/mix/config.ts";
import { MixLoader } from "../../lib/mix/loader.ts";
import type { MixSource } from "../../lib/mix/paste.ts";

function randomSource(height: number, width: number): MixSource {
  const ids = Int32Array.from({ length: height * width }, (_, i) => Number(i % width >= width / 2));
  const region = (left: number, right: number) => ({
    area: height * (right - left),
    top: 0,
    left,
    bottom: height,
    right,
    disparity: 0.1,
  });
  return {
    height,
    width,
    rgb: Uint8Array.from({ length: height * width * 3 }, () => Math.floor(Math.random() * 256)),
    depth: { height, width, disparity: Float32Array.from(ids, () => Math.random()) },
    regions: { height, width, ids, regions: [region(0, width / 2), region(width / 2, width)] },
    horizon: height / 2,
  };
}

Deno.test("MixLoader.batch() answers the batches of mixedBatch(), in any order of steps", async () => {
  const sources = Array.from({ length: 8 }, () => randomSource(32, 64));
  using loader = new MixLoader(sources, tinyMixConfig, 5);
  for (const step of [0, 1, 2, 7, 3]) {
    assertEquals(await loader.batch(step, 10), mixedBatch(sources, tinyMixConfig, 5, step));
  }
});

Deno.test("MixLoader.giveBack() lets later batches take over the arrays, and changes none of them", async () => {
  const sources = Array.from({ length: 8 }, () => randomSource(32, 64));
  using loader = new MixLoader(sources, tinyMixConfig, 6);
  const steps = 8, arrays: Float32Array[] = [];
  for (let step = 0; step < steps; step++) {
    const batch = await loader.batch(step, steps);
    assertEquals(batch, mixedBatch(sources, tinyMixConfig, 6, step));
    arrays.push(batch.images);
    loader.giveBack(batch);
  }
  // Handed over to the worker; of those that were given back last nobody has asked for more.
  assertEquals(arrays.filter(({ length }) => length === 0).length, steps - 3);
});

Deno.test("MixLoader.batch() passes on why a batch cannot be made", async () => {
  const sources = [randomSource(32, 64), randomSource(16, 64)];
  using loader = new MixLoader(sources, tinyMixConfig, 5);
  await assertRejects(() => loader.batch(0, 1), Error, "expected all to be");
});
