import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { ConfigError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame, Intrinsics, RegionMap } from "../../lib/records.ts";
import { communities } from "../../lib/regions/communities.ts";
import { defaultRegionConfig, type RegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import {
  normalisedPoints,
  relativeDistance,
  superpixelGraph,
} from "../../lib/regions/superpixel_graph.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));
const CAMERA: Intrinsics = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };
const INFOMAP: RegionConfig = { ...defaultRegionConfig, grouping: "infomap" };

Deno.test("relativeDistance() is the paper's sigmoid", () => {
  // |a - b| = 5 of a depth sum of 60: 48 * 5 / 60 = 4, in the middle.
  assertAlmostEquals(relativeDistance([0, 0, 30], [3, 4, 30]), 0.5, 1e-12);
  assertAlmostEquals(relativeDistance([1, 2, 3], [1, 2, 3]), 1 / (1 + Math.exp(4)), 1e-12);
  assertAlmostEquals(relativeDistance([0, 0, 1], [0, 0, 3]), 1 / (1 + Math.exp(-20)), 1e-12);
});

Deno.test("normalisedPoints() has deviation 1 on every axis, whatever the unit of depth", () => {
  const random = randomStream(SEED, "points");
  const [height, width] = [9, 17];
  const disparity = Float32Array.from({ length: height * width }, () => random.uniform(0.05, 1));
  disparity[5] = 0;
  const points = normalisedPoints({ height, width, disparity }, CAMERA);
  for (let axis = 0; axis < 3; axis++) {
    const values = [...points].filter((_, i) => i % 3 === axis);
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    assertAlmostEquals(variance, 1, 1e-4, `seed ${SEED}`);
  }
  const other = normalisedPoints(
    { height, width, disparity: disparity.map((value) => 40 * value) },
    CAMERA,
  );
  points.forEach((value, i) => assertAlmostEquals(value, other[i], 1e-4 * (1 + Math.abs(value))));
  // Depth along a pixel's ray grows as disparity shrinks; nothing is farther than 200 times the nearest.
  const nearest = disparity.indexOf(Math.max(...disparity));
  assertAlmostEquals(points[3 * 5 + 2] / points[3 * nearest + 2], 200, 0.1);
});

Deno.test("normalisedPoints() of a wall ahead keeps its one depth, beside what varies", () => {
  const [height, width] = [9, 17];
  const disparity = new Float32Array(height * width).fill(0.3);
  const points = normalisedPoints({ height, width, disparity }, CAMERA);
  const [first] = points.subarray(2);
  assert(first > 0 && first <= 1, `${first}`);
  points.forEach((value, i) => assert(i % 3 === 2 ? value === first : Math.abs(value) < 4));
});

Deno.test("superpixelGraph() links all pieces that touch, and no others", () => {
  const random = randomStream(SEED, "graph");
  const [height, width] = [23, 31];
  const rgb = Uint8Array.from({ length: 3 * height * width }, () => random.integer(256));
  const disparity = Float32Array.from({ length: height * width }, () => random.uniform(0.1, 1));
  const depth = { height, width, disparity };
  const settings = { count: 30, compactness: 10, iterations: 3 };
  const graph = superpixelGraph({ height, width, rgb }, depth, CAMERA, settings, null);
  const touching = new Set<string>();
  const name = (a: number, b: number) => `${Math.min(a, b)}-${Math.max(a, b)}`;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (x > 0) touching.add(name(graph.nodes[i], graph.nodes[i - 1]));
      if (y > 0) touching.add(name(graph.nodes[i], graph.nodes[i - width]));
    }
  }
  for (const node of graph.nodes) touching.delete(name(node, node));
  assertEquals(graph.from.length, touching.size);
  assertEquals(new Set(Array.from(graph.from, (a, i) => name(a, graph.to[i]))), touching);
  const points = normalisedPoints(depth, CAMERA);
  const members: number[][] = [];
  graph.nodes.forEach((node, i) => (members[node] ??= []).push(i));
  const centroid = (node: number) =>
    [0, 1, 2].map((c) =>
      members[node].reduce((sum, i) => sum + points[3 * i + c], 0) / members[node].length
    );
  graph.distances.forEach((distance, i) => {
    const wanted = relativeDistance(centroid(graph.from[i]), centroid(graph.to[i]));
    assertAlmostEquals(distance, wanted, 1e-5, `seed ${SEED}`);
  });
});

/** A chain of rings of eight nodes; neighbours within a ring lie near, rings lie `gap` apart. */
function rings(count: number, gap: number) {
  const links = Array.from(
    { length: count },
    (_, ring) =>
      Array.from({ length: 8 }, (_, i): [number, number, number][] => [
        [8 * ring + i, 8 * ring + (i + 1) % 8, 0.02],
        [8 * ring + i, 8 * ring + (i + 3) % 8, 0.02],
      ]).flat(),
  ).flat();
  for (let ring = 1; ring < count; ring++) links.push([8 * ring - 1, 8 * ring, gap]);
  return {
    count: 8 * count,
    from: Int32Array.from(links, ([a]) => a),
    to: Int32Array.from(links, ([, b]) => b),
    distances: Float64Array.from(links, ([, , distance]) => distance),
  };
}

Deno.test("communities() of one round stay where all links between them are long", () => {
  const found = communities(rings(6, 0.5), 0.2, randomStream(SEED, "rings"));
  found.forEach((id, node) => assertEquals(id, found[8 * Math.floor(node / 8)], `seed ${SEED}`));
  assertEquals(new Set(found), new Set([0, 1, 2, 3, 4, 5]));
});

Deno.test("communities() join again while short links are left between them", () => {
  // One short link tells little of the walk, so that each ring is a module at first.
  const far = new Set(communities(rings(6, 0.1), 0.05, randomStream(SEED, "rings"))).size;
  const near = communities(rings(6, 0.1), 0.2, randomStream(SEED, "rings"));
  assertEquals(far, 6);
  assert(new Set(near).size < 6, `seed ${SEED}: ${new Set(near).size}`);
  near.forEach((id, node) => assertEquals(id, near[8 * Math.floor(node / 8)]));
});

async function street(index: number): Promise<Frame> {
  const options = { seed: 3, split: "train", sequences: 4, framesPerSequence: 1 } as const;
  return await streetScenes(options).read(index, { height: 96, width: 192 });
}

function cut(frame: Frame, config: RegionConfig, library?: null): RegionMap {
  const { height, width } = frame;
  const disparity = frame.depth!.map((metres) => 1 / metres);
  return depthRegions({ height, width, disparity }, frame.intrinsics!, config, frame, library);
}

Deno.test("depthRegions() by infomap answers what components do, in another way", async () => {
  const frame = await street(0);
  const map = cut(frame, INFOMAP);
  assertEquals(cut(frame, INFOMAP), map);
  assertNotEquals(cut(frame, defaultRegionConfig).ids, map.ids);
  const areas = new Int32Array(map.regions.length), sums = new Float64Array(map.regions.length);
  map.ids.forEach((id, i) => {
    areas[id]++;
    sums[id] += 1 / frame.depth![i];
  });
  map.regions.forEach(({ area, disparity }, id) => {
    assertEquals(area, areas[id]);
    assertAlmostEquals(disparity, sums[id] / area, 1e-6);
  });
  // In raster order of their first pixels.
  const seen = [...new Set(map.ids)];
  assertEquals(seen, [...seen].sort((a, b) => a - b));
});

Deno.test("depthRegions() by infomap is the same with the library and without", async () => {
  const frame = await street(1);
  assertEquals(cut(frame, INFOMAP).ids, cut(frame, INFOMAP, null).ids);
});

Deno.test("depthRegions() by infomap tells things far apart in depth apart", () => {
  const random = randomStream(SEED, "box");
  const [height, width] = [96, 192];
  const [top, left] = [20 + random.integer(20), 30 + random.integer(60)];
  const inside = (i: number) => {
    const y = Math.floor(i / width), x = i % width;
    return y >= top && y < top + 30 && x >= left && x < left + 60;
  };
  const disparity = Float32Array.from({ length: height * width }, (_, i) => inside(i) ? 1 : 0.2);
  const rgb = Uint8Array.from(
    { length: 3 * height * width },
    (_, k) => inside(Math.floor(k / 3)) ? 200 : 40,
  );
  const depth = { height, width, disparity };
  const { ids } = depthRegions(depth, CAMERA, INFOMAP, { height, width, rgb });
  const box = new Set([...ids].filter((_, i) => inside(i)));
  const rest = new Set([...ids].filter((_, i) => !inside(i)));
  assertEquals(box.intersection(rest).size, 0, `seed ${SEED}`);
});

Deno.test("depthRegions() by infomap wants the frame, and takes the smallest", () => {
  const depth = { height: 1, width: 1, disparity: Float32Array.of(0.5) };
  assertThrows(() => depthRegions(depth, CAMERA, INFOMAP), ConfigError, "the frame itself");
  const image = { height: 1, width: 1, rgb: Uint8Array.of(1, 2, 3) };
  assertEquals(depthRegions(depth, CAMERA, INFOMAP, image).regions.length, 1);
  const none = { height: 0, width: 0, disparity: new Float32Array() };
  const empty = { height: 0, width: 0, rgb: new Uint8Array() };
  assertEquals(depthRegions(none, CAMERA, INFOMAP, empty).regions, []);
});

Deno.test("depthRegions() heeds every setting of infomap", async () => {
  const frame = await street(2);
  const map = cut(frame, INFOMAP);
  const changes = [{ superpixels: 5000 }, { compactness: 2 }, { iterations: 1 }, { apart: 0.05 }];
  for (const change of changes) {
    const other = cut(frame, { ...INFOMAP, infomap: { ...INFOMAP.infomap, ...change } });
    assertNotEquals(other.ids, map.ids, JSON.stringify(change));
  }
});
