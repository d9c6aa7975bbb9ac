import { assert, assertEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { DataError } from "../../lib/errors.ts";
import type { PasteShape } from "../../lib/mix/config.ts";
import { randomStream } from "../../lib/random.ts";
import type { DepthMap, Frame, RegionMap } from "../../lib/records.ts";
import { colourRegions, mergeByColour } from "../../lib/regions/colour_regions.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { maskRegions } from "../../lib/regions/mask_regions.ts";
import { regionsBy } from "../../lib/regions/region_source.ts";
import { mixSources } from "../../lib/run/mix_sources.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));

async function street(): Promise<{ frame: Frame; depth: DepthMap }> {
  const scenes = streetScenes({ seed: 4, split: "train", sequences: 1, framesPerSequence: 1 });
  const frame = await scenes.read(0, { height: 64, width: 128 });
  const disparity = frame.depth!.map((metres) => 1 / metres);
  return { frame, depth: { height: 64, width: 128, disparity } };
}

const { frame, depth } = await street();

Deno.test("mergeByColour() takes the cheapest union each time, as plain loops do", () => {
  for (let trial = 0; trial < 30; trial++) {
    const random = randomStream(SEED, "ward", trial);
    const count = 2 + random.integer(25);
    const regions = Array.from({ length: count }, () => ({
      area: 1 + random.integer(50),
      colour: [0, 1, 2].map(() => random.uniform(0, 100)),
    }));
    const borders: [number, number][] = [];
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) if (random.chance(0.2)) borders.push([a, b]);
    }
    const wanted = 1 + random.integer(count);
    // Groups as lists of members; the cost of a union from its pixels' spread, before and after.
    let groups = regions.map((_, i) => [i]);
    const spread = (members: readonly number[]) => {
      const area = members.reduce((sum, i) => sum + regions[i].area, 0);
      return [0, 1, 2].reduce((sum, c) => {
        const mean = members.reduce((s, i) => s + regions[i].area * regions[i].colour[c], 0) / area;
        const own = members.reduce(
          (s, i) => s + regions[i].area * (regions[i].colour[c] - mean) ** 2,
          0,
        );
        return sum + own;
      }, 0);
    };
    while (groups.length > wanted) {
      let best: [number, number] | undefined, least = Infinity;
      for (let p = 0; p < groups.length; p++) {
        for (let q = p + 1; q < groups.length; q++) {
          const touch = borders.some(([a, b]) =>
            (groups[p].includes(a) && groups[q].includes(b)) ||
            (groups[p].includes(b) && groups[q].includes(a))
          );
          if (!touch) continue;
          const added = spread([...groups[p], ...groups[q]]) - spread(groups[p]) -
            spread(groups[q]);
          if (added < least) [best, least] = [[p, q], added];
        }
      }
      if (!best) break;
      const [p, q] = best;
      groups[p] = [...groups[p], ...groups[q]];
      groups = groups.filter((_, i) => i !== q);
    }
    const leaders = mergeByColour(regions, borders, wanted);
    assertEquals(new Set(leaders).size, groups.length, `seed ${SEED}, trial ${trial}`);
    for (const group of groups) {
      assertEquals(new Set(group.map((i) => leaders[i])).size, 1, `seed ${SEED}, trial ${trial}`);
    }
  }
});

Deno.test("colourRegions() looks at colour alone and answers so many regions", () => {
  const config = defaultRegionConfig.colour;
  const map = colourRegions(frame, depth, config);
  assertEquals(map.regions.length, config.regions);
  assertEquals(new Set(map.ids).size, config.regions);
  const flat = { ...depth, disparity: depth.disparity.map(() => 1) };
  assertEquals(colourRegions(frame, flat, config).ids, map.ids);
  assertEquals(colourRegions(frame, depth, config, null).ids, map.ids);
  const few = colourRegions(frame, depth, { ...config, regions: 7 });
  assertEquals(few.regions.length, 7);
  // Superpixels are counted at 384 x 768: a frame of a 36th of its pixels has a 36th of them.
  const pieces = colourRegions(frame, depth, { ...config, superpixels: 3600, regions: 8192 });
  assert(pieces.regions.length > 50 && pieces.regions.length < 200, `${pieces.regions.length}`);
  // What few regions part, many part too.
  const pairs = new Set(Array.from(map.ids, (id, i) => 1000 * id + few.ids[i]));
  assertEquals(pairs.size, config.regions);
});

Deno.test("maskRegions() keeps an instance whole, and parts patches of one class", () => {
  //  labels 0 0 1 1 0      instances 0 0 5 5 0
  //         0 2 2 1 0                0 0 0 5 0
  //         1 2 2 1 0                5 0 0 5 0
  const labels = Uint8Array.of(0, 0, 1, 1, 0, 0, 2, 2, 1, 0, 1, 2, 2, 1, 0);
  const instances = Uint16Array.of(0, 0, 5, 5, 0, 0, 0, 0, 5, 0, 5, 0, 0, 5, 0);
  const tiny = { ...frame, height: 3, width: 5, labels, instances };
  const map = { height: 3, width: 5, disparity: new Float32Array(15).fill(0.5) };
  const { ids, regions } = maskRegions(tiny, map);
  assertEquals([...ids], [0, 0, 1, 1, 2, 0, 3, 3, 1, 2, 1, 3, 3, 1, 2]);
  assertEquals(regions.map(({ area }) => area), [3, 5, 3, 4]);
  assertEquals([regions[1].left, regions[1].bottom], [0, 3]);
  const { instances: _, ...bare } = tiny;
  assertThrows(() => maskRegions(bare, map), DataError, "labels alone");
});

Deno.test("regionsBy() cuts by what it is told, and `regions` by the settings", () => {
  const by = (source: Parameters<typeof regionsBy>[0], config = defaultRegionConfig) =>
    regionsBy(source, frame, depth, frame.intrinsics!, config).ids;
  const infomap = { ...defaultRegionConfig, grouping: "infomap" } as const;
  assertEquals(by("regions"), by("components"));
  assertEquals(by("regions", infomap), by("infomap"));
  assertEquals(by("components", infomap), by("components"));
  assertEquals(by("masks"), maskRegions(frame, depth).ids);
  assertEquals(by("slic"), colourRegions(frame, depth, defaultRegionConfig.colour).ids);
  const all = ["components", "infomap", "slic", "masks"] as const;
  assertEquals(new Set(all.map((source) => by(source).join())).size, 4);
});

Deno.test("regionsBy() takes regions that came with the frame, numbered in raster order", () => {
  const regionIds = Uint16Array.of(7, 7, 2, 500, 2, 7);
  const given = { ...frame, height: 2, width: 3, regionIds };
  const map = { height: 2, width: 3, disparity: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const by = (source: Parameters<typeof regionsBy>[0]) =>
    regionsBy(source, given, map, frame.intrinsics!, defaultRegionConfig);
  assertEquals([...by("regions").ids], [0, 0, 1, 2, 1, 0]);
  assertEquals(by("regions").regions[1], {
    area: 2,
    top: 0,
    left: 1,
    bottom: 2,
    right: 3,
    disparity: 4,
  });
  const cut = depthRegions(map, frame.intrinsics!, defaultRegionConfig, given);
  assertEquals(by("components"), cut);
});

Deno.test("mixSources() holds the loss's regions equal across shapes", () => {
  const sources = (paste: PasteShape) => {
    const mix = { paste, lossRegions: "components" } as const;
    return mixSources([frame], [depth], defaultRegionConfig, mix)[0];
  };
  const loss = depthRegions(depth, frame.intrinsics!, defaultRegionConfig, frame);
  const shapes = new Map<PasteShape, RegionMap | undefined>();
  for (const paste of ["regions", "infomap", "slic", "masks", "boxes", "none"] as const) {
    const source = sources(paste);
    assertEquals(source.regions, loss, paste);
    shapes.set(paste, source.shapes);
  }
  for (const paste of ["regions", "boxes", "none"] as const) {
    assertEquals(shapes.get(paste), undefined);
  }
  for (const paste of ["infomap", "slic", "masks"] as const) {
    const wanted = regionsBy(paste, frame, depth, frame.intrinsics!, defaultRegionConfig);
    assertEquals(shapes.get(paste), wanted, paste);
  }
  const other = { paste: "boxes", lossRegions: "slic" } as const;
  const [boxes] = mixSources([frame], [depth], defaultRegionConfig, other);
  assertEquals(boxes.shapes, loss);
  assert(boxes.regions.regions.length === defaultRegionConfig.colour.regions);
});
