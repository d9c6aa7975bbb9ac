import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { randomStream } from "../../lib/random.ts";
import type { DepthMap } from "../../lib/records.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { surfaceOf } from "../../lib/regions/geometry.ts";
import { groundLevels } from "../../lib/regions/ground_levels.ts";
import { fitGroundPlane } from "../../lib/regions/ground_plane.ts";

const INTRINSICS = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };

/** A road to the horizon and, from `edge` to its right on, a pavement `kerb` higher, with its face. */
function roadAndPavement(
  camera: number,
  kerb: number,
  edge: number,
  noise: () => number,
): DepthMap {
  const [height, width] = [64, 128];
  const disparity = Float32Array.from({ length: height * width }, (_, i) => {
    const u = ((i % width + 0.5) / width - INTRINSICS.cx) / INTRINSICS.fx;
    const v = ((Math.floor(i / width) + 0.5) / height - INTRINSICS.cy) / INTRINSICS.fy;
    if (v <= 0) return 0;
    const raised = (camera - kerb) / v, flat = camera / v;
    const z = raised * u > edge ? raised : flat * u > edge ? edge / u : flat;
    return (1 + noise()) / z;
  });
  return { height, width, disparity };
}

Deno.test("fitGroundPlane() lies on the road, not between road and pavement", () => {
  for (let round = 0; round < 10; round++) {
    const camera = 1.2 + Math.random(), kerb = 0.08 + 0.1 * Math.random(), edge = 2 + Math.random();
    const depth = roadAndPavement(camera, kerb, edge, () => 0);
    const plane = fitGroundPlane(surfaceOf(depth, INTRINSICS), 200, randomStream(round, "test"))!;
    assertAlmostEquals(plane.cameraHeight, camera, 0.002 * camera);
    assertAlmostEquals(plane.normal[0] * plane.cameraHeight, 0, 0.002);
  }
});

Deno.test("fitGroundPlane() takes noisy depth too, at its loose tolerance", () => {
  const random = randomStream(Math.floor(Math.random() * 1e6), "noise");
  // Blocks of one error each, so that normals still look up.
  const errors = Float64Array.from({ length: 16 }, () => random.uniform(-0.01, 0.01));
  let pixel = 0;
  const noise = () => errors[Math.floor((pixel++ % 128) / 8)];
  const depth = roadAndPavement(1.5, 0, Infinity, noise);
  const plane = fitGroundPlane(surfaceOf(depth, INTRINSICS), 200, randomStream(0, "test"))!;
  assertAlmostEquals(plane.cameraHeight, 1.5, 0.05 * 1.5);
});

Deno.test("depthRegions() parts road and pavement at the kerb, and gives its face to the pavement", () => {
  const seed = Math.floor(Math.random() * 1e6), random = randomStream(seed, "kerbs");
  let faces = 0, lost = 0, wrong = 0;
  for (let round = 0; round < 10; round++) {
    const camera = random.uniform(1.2, 2.2), kerb = random.uniform(0.08, 0.18);
    const edge = random.uniform(2, 3);
    const depth = roadAndPavement(camera, kerb, edge, () => 0);
    const map = depthRegions(depth, INTRINSICS);
    const road = map.ids[63 * 128 + 20], pavement = map.ids[40 * 128 + 127];
    assertNotEquals(road, pavement, `kerb ${kerb} at ${edge}, camera ${camera}`);
    for (let i = 40 * 128; i < map.ids.length; i++) {
      const u = ((i % 128 + 0.5) / 128 - 0.5) / 0.8, x = u / depth.disparity[i];
      if (Math.abs(x - edge) < 1e-4) {
        faces++;
        lost += Number(map.ids[i] !== pavement);
      } else {
        wrong += Number(map.ids[i] !== (x > edge ? pavement : road));
      }
    }
  }
  assert(wrong < 20, `${wrong} pixels of ten roads and pavements, seed ${seed}`);
  // The lowest tenth of a face may go with the road; where no pavement is seen beside it, it is a region of its own.
  assert(lost < 0.25 * faces, `${lost} of ${faces} pixels of faces, seed ${seed}`);
});

Deno.test("groundLevels() finds two levels among heights, and none in noise", () => {
  const random = randomStream(Math.floor(Math.random() * 1e6), "levels");
  for (let round = 0; round < 20; round++) {
    const lower = random.uniform(-0.1, 0.02), upper = lower + random.uniform(0.04, 0.12);
    const share = random.uniform(0.05, 0.95);
    const heights = Float32Array.from(
      { length: 2000 },
      () => (random.chance(share) ? lower : upper) + random.uniform(-0.002, 0.002),
    );
    const levels = groundLevels(heights, 0.2, 0.02)!;
    assertAlmostEquals(levels.lower, lower, 5e-4);
    assertAlmostEquals(levels.upper, upper, 5e-4);
    assertEquals(groundLevels(heights, 0.2, 0.13), undefined);
    const noise = heights.map(() => random.uniform(-0.1, 0.1));
    assertEquals(groundLevels(noise, 0.2, 0.02), undefined);
  }
  assertEquals(groundLevels(new Float32Array(0), 0.2, 0.02), undefined);
  assertEquals(groundLevels(new Float32Array(9).fill(0.01), 0.2, 0.02), undefined);
});

Deno.test("depthRegions() takes ground to the horizon however far it is, and sky beyond skyDepth", () => {
  const depth = roadAndPavement(1.5, 0, Infinity, () => 0);
  const config = { ...defaultRegionConfig, skyDepth: 5 };
  const map = depthRegions(depth, INTRINSICS, config);
  assertEquals(map.regions.map(({ top, bottom }) => [top, bottom]), [[0, 32], [32, 64]]);
});
