import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { ClassId, STREET_CLASSES } from "../../lib/data/street/street.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { DepthMap, RegionMap } from "../../lib/records.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { surfaceOf } from "../../lib/regions/geometry.ts";
import { fitGroundPlane } from "../../lib/regions/ground_plane.ts";
import { addPurity, emptyPurity, regionPurity } from "../../lib/regions/quality.ts";
import { addRecovery, emptyRecovery, recoveredShares } from "../../lib/regions/recovery.ts";

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

/**
 * Two walls that meet in a vertical edge `degrees` wide on the camera's side: a corner of a house
 * above 180, a niche below.
 */
function twoWalls(degrees: number): DepthMap {
  const [height, width] = [40, 80];
  const slope = 1 / Math.tan(degrees / 2 * Math.PI / 180);
  const disparity = Float32Array.from({ length: height * width }, (_, i) => {
    const u = Math.abs((i % width + 0.5) / width - 0.5) / INTRINSICS.fx;
    // z = 10 - slope |x| with x = z u.
    return (1 + slope * u) / 10;
  });
  return { height, width, disparity };
}

Deno.test("depthRegions() parts surfaces that meet in a hollow, and holds together round a corner", () => {
  const count = (degrees: number, creaseCosine: number) =>
    depthRegions(twoWalls(degrees), INTRINSICS, { ...defaultRegionConfig, creaseCosine })
      .regions.length;
  const { creaseCosine } = defaultRegionConfig;
  for (let round = 0; round < 10; round++) {
    const turn = 20 + 40 * Math.random();
    assertEquals(count(180 - turn, creaseCosine), 2, `hollow of ${turn}`);
    assertEquals(count(180 + turn, creaseCosine), 1, `corner of ${turn}`);
    assertEquals(count(180 - turn, Math.cos((turn + 5) * Math.PI / 180)), 1, `allowed ${turn}`);
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

/** Twenty streets that nothing was tuned on, cut from true depth. */
async function* freshStreets(seed: number) {
  const dataset = streetScenes({ seed, split: "train", sequences: 20, framesPerSequence: 1 });
  for (let i = 0; i < 20; i++) {
    const frame = await dataset.read(i, { height: 64, width: 128 });
    const disparity = frame.depth!.map((metres) => 1 / metres);
    const map = depthRegions({ height: 64, width: 128, disparity }, frame.intrinsics!);
    yield { map, labels: frame.labels!, instances: frame.instances! };
  }
}

/** Share of the pixels of `inner` that lie in regions with more pixels of `outer` than of `inner`. */
function lostTo(
  frames: readonly { map: RegionMap; labels: Uint8Array }[],
  inner: number,
  outer: number,
): number {
  let lost = 0, all = 0;
  for (const { map, labels } of frames) {
    const count = (wanted: number) => {
      const found = new Int32Array(map.regions.length);
      labels.forEach((label, i) => found[map.ids[i]] += Number(label === wanted));
      return found;
    };
    const [mine, theirs] = [count(inner), count(outer)];
    mine.forEach((pixels, region) => {
      all += pixels;
      if (theirs[region] > pixels) lost += pixels;
    });
  }
  return lost / all;
}

Deno.test("depthRegions() cuts true depth of fresh streets into pure regions, things apart from the road", async () => {
  const seed = 100 + Math.floor(Math.random() * 1e6);
  const classes = STREET_CLASSES.length;
  const frames = await Array.fromAsync(freshStreets(seed));
  const counts = emptyPurity(classes), things = emptyRecovery(classes);
  let regions = 0;
  for (const { map, labels, instances } of frames) {
    regions += map.regions.length / frames.length;
    addPurity(counts, map, labels, 255);
    addRecovery(things, map, labels, instances);
  }
  const { overall, perClass } = regionPurity(counts);
  const told = `${overall}, ${perClass} with seed ${seed}`;
  assert(overall > 0.95, told);
  // Pavement and grass lie at one height: depth alone cannot part them.
  const bounds = {
    road: 0.99,
    building: 0.97,
    vegetation: 0.8,
    car: 0.98,
    person: 0.85,
    sky: 0.99,
  };
  for (const [name, bound] of Object.entries(bounds)) {
    const id = ClassId[name as keyof typeof bounds];
    assert(perClass[id] > bound, `${name}: ${told}`);
  }
  for (const thing of [ClassId.car, ClassId.person]) {
    assert(lostTo(frames, thing, ClassId.road) < 0.01, `${thing} in road with seed ${seed}`);
    assert(lostTo(frames, ClassId.road, thing) < 0.01, `road in ${thing} with seed ${seed}`);
  }
  // Not by crumbs.
  const recovered = recoveredShares(things);
  assert(recovered[ClassId.car] > 0.9, `${recovered} with seed ${seed}`);
  assert(recovered[ClassId.person] > 0.75, `${recovered} with seed ${seed}`);
  assert(regions < 65, `${regions} with seed ${seed}`);
});

Deno.test("depthRegions() refuses a map of another size", () => {
  const depth = { height: 4, width: 4, disparity: new Float32Array(15) };
  assertThrows(() => depthRegions(depth, INTRINSICS), DataError, "got Float32Array(15)");
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
  // What does not count may have an id below those of classes.
  const ignoring = emptyPurity(3);
  addPurity(ignoring, map, Uint8Array.of(0, 0, 1, 1, 1, 2), 0);
  assertEquals(regionPurity(ignoring), { overall: 3 / 4, perClass: [NaN, 1, 0] });
});
