import { assert, assertEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { defaultRegionConfig, tinyRegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { addPurity, emptyPurity, regionPurity } from "../../lib/regions/quality.ts";
import { superpixelMedians, superpixels } from "../../lib/regions/superpixels.ts";

/** Purity of 32 streets is 0.892 +- 0.006 over 40 draws: too few for the bounds below. */
const STREETS = 128;

const SETTINGS = { count: 50, compactness: 10, iterations: 5 };

Deno.test("superpixels() does not cross the border of two colours", () => {
  const random = randomStream(Math.floor(Math.random() * 1e6), "superpixels");
  const [height, width] = [37, 53];
  const border = 10 + random.integer(30);
  const rgb = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) {
    rgb.set(i % width < border ? [200, 60, 50] : [40, 90, 200], 3 * i);
  }
  const ids = superpixels({ height, width, rgb }, SETTINGS);
  const left = new Set<number>(), right = new Set<number>();
  ids.forEach((id, i) => (i % width < border ? left : right).add(id));
  assertEquals(left.intersection(right).size, 0);
  assert(left.size + right.size > SETTINGS.count / 2, `${left.size} + ${right.size}`);
});

Deno.test("superpixels() of one colour are about equal squares", () => {
  const [height, width] = [40, 80];
  const rgb = new Uint8Array(height * width * 3).fill(100);
  const ids = superpixels({ height, width, rgb }, { ...SETTINGS, count: 32 });
  const areas = new Map<number, number>();
  ids.forEach((id) => areas.set(id, (areas.get(id) ?? 0) + 1));
  assertEquals(areas.size, 32);
  for (const area of areas.values()) assert(area > 70 && area < 140, `${area}`);
});

Deno.test("superpixels() takes images smaller than one superpixel", () => {
  for (const [height, width] of [[1, 1], [1, 2], [2, 1]]) {
    const rgb = new Uint8Array(height * width * 3).fill(9);
    const ids = superpixels({ height, width, rgb }, { ...SETTINGS, count: 1 });
    assertEquals(ids, new Int32Array(height * width));
  }
});

Deno.test("superpixelMedians() by hand", () => {
  const values = Float32Array.of(5, 1, 3, 8, 2, 9);
  const ids = Int32Array.of(0, 0, 0, 2, 2, 1);
  assertEquals(superpixelMedians(values, ids), Float32Array.of(3, 3, 3, 8, 8, 9));
});

Deno.test("depthRegions() finds blurred things again with superpixels", async () => {
  const seed = Math.floor(Math.random() * 1e6);
  const dataset = streetScenes({ seed, split: "train", sequences: STREETS, framesPerSequence: 1 });
  const plain = emptyPurity(dataset.classes.length), sharp = emptyPurity(dataset.classes.length);
  for (let i = 0; i < STREETS; i++) {
    const frame = await dataset.read(i, { height: 64, width: 128 });
    const depth = { height: 64, width: 128, disparity: blurred(frame.depth!) };
    const { intrinsics, labels } = frame;
    addPurity(plain, depthRegions(depth, intrinsics!), labels!, dataset.ignore);
    const map = depthRegions(depth, intrinsics!, tinyRegionConfig, frame);
    addPurity(sharp, map, labels!, dataset.ignore);
  }
  const [before, after] = [regionPurity(plain).overall, regionPurity(sharp).overall];
  assert(after > 0.88, `${after} with seed ${seed}`);
  assert(after > before + 0.03, `${after} against ${before} with seed ${seed}`);
});

/** Inverse depth, each pixel the mean of 9 x 9. */
function blurred(depth: Float32Array): Float32Array {
  const [height, width, radius] = [64, 128, 4];
  return depth.map((_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    let sum = 0, count = 0;
    for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++, count++) {
        sum += 1 / depth[v * width + u];
      }
    }
    return sum / count;
  });
}

Deno.test("depthRegions() refuses superpixels of a frame that is missing or of another size", () => {
  const depth = { height: 4, width: 4, disparity: new Float32Array(16).fill(1) };
  const intrinsics = { fx: 1, fy: 1, cx: 0.5, cy: 0.5 };
  const config = { ...defaultRegionConfig, superpixels: SETTINGS };
  assertThrows(() => depthRegions(depth, intrinsics, config), ConfigError, "got none");
  const frame = { height: 4, width: 5, rgb: new Uint8Array(60) };
  assertThrows(() => depthRegions(depth, intrinsics, config, frame), DataError, "got 4 x 5");
});
