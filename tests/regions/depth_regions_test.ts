import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { DepthMap } from "../../lib/records.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { surfaceOf } from "../../lib/regions/geometry.ts";
import { fitGroundPlane } from "../../lib/regions/ground_plane.ts";
import { addPurity, emptyPurity, regionPurity } from "../../lib/regions/quality.ts";

const INTRINSICS = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };

/** A road to the horizon and a box on it, seen from `camera` metres, in any unit. */
function boxOnRoad(
  camera: number,
  unit: number,
): { depth: DepthMap; inBox: (x: number, y: number) => boolean } {
  const [height, width] = [64, 128];
  const disparity = new Float32Array(height * width);
  const inBox = (x: number, y: number) => x >= 50 && x < 70 && y >= 28 && y < 42;
  for (let y = 0; y < height; y++) {
    const slope = ((y + 0.5) / height - INTRINSICS.cy) / INTRINSICS.fy;
    for (let x = 0; x < width; x++) {
      const ground = slope > 0 ? slope / camera : 0;
      const boxDepth = camera / ((41.5 + 0.5) / height - INTRINSICS.cy) * INTRINSICS.fy;
      disparity[y * width + x] = (inBox(x, y) ? Math.max(ground, 1 / boxDepth) : ground) / unit;
    }
  }
  return { depth: { height, width, disparity }, inBox };
}

Deno.test("fitGroundPlane() finds camera height and normal without being told", () => {
  for (let round = 0; round < 5; round++) {
    const camera = 1 + Math.random(), unit = 0.1 + Math.random() * 10;
    const { depth } = boxOnRoad(camera, unit);
    const plane = fitGroundPlane(surfaceOf(depth, INTRINSICS), 100, randomStream(round, "test"))!;
    assertAlmostEquals(plane.cameraHeight, camera * unit, 0.02 * camera * unit);
    assertAlmostEquals(plane.normal[1] * plane.cameraHeight, 1, 1e-3);
  }
});

Deno.test("depthRegions() parts a box from the road it stands on, at any scale of depth", () => {
  for (const unit of [0.01, 1, 100]) {
    const { depth, inBox } = boxOnRoad(1.5, unit);
    const map = depthRegions(depth, INTRINSICS);
    const box = map.ids[30 * 128 + 60], road = map.ids[60 * 128 + 10], sky = map.ids[5 * 128 + 10];
    assertEquals(new Set([box, road, sky]).size, 3);
    assert(map.ids.every((id, i) => id !== box || inBox(i % 128, Math.floor(i / 128))));
    assert(map.regions[box].area > 0.7 * 20 * 14, `${map.regions[box].area}`);
  }
});

Deno.test("depthRegions() describes what it labels", () => {
  const { depth } = boxOnRoad(1.5, 1);
  const map = depthRegions(depth, INTRINSICS);
  let next = 0;
  map.ids.forEach((id) => {
    assert(id <= next);
    if (id === next) next++;
  });
  assertEquals(next, map.regions.length);
  map.regions.forEach((region, id) => {
    const pixels = Array.from(map.ids.keys()).filter((i) => map.ids[i] === id);
    const rows = pixels.map((i) => Math.floor(i / 128)), columns = pixels.map((i) => i % 128);
    assertEquals(region.area, pixels.length);
    assertEquals([region.top, region.bottom], [Math.min(...rows), Math.max(...rows) + 1]);
    assertEquals([region.left, region.right], [Math.min(...columns), Math.max(...columns) + 1]);
    const mean = pixels.reduce((sum, i) => sum + depth.disparity[i], 0) / pixels.length;
    assertAlmostEquals(region.disparity, mean, 1e-6);
  });
});

Deno.test("depthRegions() cuts true depth of fresh streets into nearly pure regions", async () => {
  const seed = 100 + Math.floor(Math.random() * 1e6);
  const dataset = streetScenes({ seed, split: "train", sequences: 20, framesPerSequence: 1 });
  const counts = emptyPurity(dataset.classes.length);
  for (let i = 0; i < 20; i++) {
    const frame = await dataset.read(i, { height: 64, width: 128 });
    const disparity = frame.depth!.map((metres) => 1 / metres);
    const map = depthRegions({ height: 64, width: 128, disparity }, frame.intrinsics!);
    addPurity(counts, map, frame.labels!, dataset.ignore);
  }
  const { overall, perClass } = regionPurity(counts);
  assert(overall > 0.9, `${overall} with seed ${seed}`);
  assert(perClass[dataset.classes.indexOf("car")] > 0.9, `car ${perClass}`);
});

Deno.test("depthRegions() refuses a map of another size", () => {
  const depth = { height: 4, width: 4, disparity: new Float32Array(15) };
  assertThrows(() => depthRegions(depth, INTRINSICS), DataError, "got 15");
});

Deno.test("regionPurity() by hand: two regions, one with a stranger", () => {
  const map = {
    height: 1,
    width: 6,
    ids: Int32Array.of(0, 0, 0, 1, 1, 1),
    regions: [{}, {}] as never,
  };
  const counts = emptyPurity(2);
  addPurity(counts, map, Uint8Array.of(0, 0, 1, 1, 1, 255), 255);
  const { overall, perClass } = regionPurity(counts);
  assertAlmostEquals(overall, 4 / 5);
  assertEquals(perClass, [1, 2 / 3]);
});
