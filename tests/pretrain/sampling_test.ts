import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  samplePixels,
  sampleRegions,
  type SampleSet,
  toGrid,
} from "../../lib/pretrain/sampling.ts";
import { randomStream } from "../../lib/random.ts";
import { place, syntheticBatch, unplace } from "./synthetic_batch.ts";

const HEIGHT = 24, WIDTH = 40;
const mixedBatch = (seed: number) => syntheticBatch(seed, HEIGHT, WIDTH);

/** Image and pixel position of every sample, by group. */
function byGroup(set: SampleSet, stride: number): [mixed: number, x: number, y: number][][] {
  const groups: [number, number, number][][] = Array.from({ length: set.groupCount }, () => []);
  set.groups.forEach((group, slot) => {
    if (group < 0) return;
    const x = (set.positions[2 * slot] + 0.5) * stride - 0.5;
    const y = (set.positions[2 * slot + 1] + 0.5) * stride - 0.5;
    groups[group].push([Math.floor(slot / set.perImage), x, y]);
  });
  return groups;
}

/**
 * The pixel whose square holds (x, y), or undefined where float32, in which positions are kept, may
 * have carried a place over the border of two pixels.
 */
function pixelAt(x: number, y: number): [column: number, row: number] | undefined {
  const border = (z: number) => Math.abs(z + 0.5 - Math.round(z + 0.5)) < 1e-5;
  return border(x) || border(y) ? undefined : [Math.round(x), Math.round(y)];
}

Deno.test("samplePixels() groups only places that show the same source point", () => {
  const seed = Date.now();
  const batch = mixedBatch(seed);
  const set = samplePixels(
    batch,
    { perImage: 70, minimumGroup: 2, stride: 4 },
    randomStream(seed, 1),
  );
  // Enough to mean something: 1 batch in 4000 has but 37, most over 60.
  assert(set.groupCount > 20, `seed ${seed}: ${set.groupCount} groups`);
  for (const members of byGroup(set, 4)) {
    const origins = members.flatMap(([mixed, x, y]) => {
      assert(x >= -0.5 && x <= WIDTH - 0.5 && y >= -0.5 && y <= HEIGHT - 0.5);
      // The pixel whose square holds the position tells whose copy is seen.
      const pixel = pixelAt(x, y);
      if (!pixel) return [];
      const [column, row] = pixel;
      const copy = batch.copies[batch.copyIds[(mixed * HEIGHT + row) * WIDTH + column]];
      const [u, v] = unplace(copy, x, y);
      return [[copy.source, u, v]];
    });
    for (const [source, u, v] of origins) {
      assertEquals(source, origins[0][0], `seed ${seed}`);
      assertAlmostEquals(u, origins[0][1], 0.01, `seed ${seed}`);
      assertAlmostEquals(v, origins[0][2], 0.01, `seed ${seed}`);
    }
  }
});

Deno.test("samplePixels() finds every copy that is visible when there is room", () => {
  const batch = mixedBatch(11);
  const roomy = { perImage: 400, minimumGroup: 1, stride: 1 };
  const set = samplePixels(batch, roomy, randomStream(3));
  for (const members of byGroup(set, 1)) {
    const [mixed, x, y] = members[0];
    const at = (m: number, x: number, y: number) => {
      const column = Math.round(x), row = Math.round(y);
      const inside = column >= 0 && column < WIDTH && row >= 0 && row < HEIGHT;
      return inside ? batch.copyIds[(m * HEIGHT + row) * WIDTH + column] : -1;
    };
    const first = batch.copies[at(mixed, x, y)];
    const [u, v] = unplace(first, x, y);
    // Positions pass through float32, so places right on a pixel's border may fall either way.
    const border = (z: number) => Math.abs(z - Math.floor(z) - 0.5) < 1e-3;
    const visible = batch.copies.filter((copy, index) => {
      if (copy.source !== first.source) return false;
      const [p, q] = place(copy, u, v);
      return !border(p) && !border(q) && at(copy.mixed, p, q) === index;
    });
    assert(members.length >= visible.length, `${members.length} of ${visible.length}`);
  }
});

Deno.test("sampleRegions() groups by region over all images and leaves padding out", () => {
  const seed = Date.now();
  const batch = mixedBatch(seed);
  const set = sampleRegions(
    batch,
    { perImage: 60, minimumGroup: 2, stride: 4 },
    randomStream(5),
  );
  assert(set.count > 300 && set.groupCount <= 6, `seed ${seed}: ${set.count} samples`);
  const regionOf = new Map<number, number>();
  byGroup(set, 4).forEach((members, group) => {
    for (const [mixed, x, y] of members) {
      const pixel = pixelAt(x, y);
      if (!pixel) continue;
      const [column, row] = pixel;
      const id = batch.regionIds[(mixed * HEIGHT + row) * WIDTH + column];
      assert(id >= 0, `seed ${seed}`);
      assertEquals(regionOf.get(group) ?? id, id, `seed ${seed}`);
      regionOf.set(group, id);
    }
  });
  assertEquals(new Set(regionOf.values()).size, set.groupCount);
});

Deno.test("samplers respect slots, the smallest group and the seed", () => {
  const batch = mixedBatch(7);
  for (const sample of [samplePixels, sampleRegions]) {
    const options = { perImage: 17, minimumGroup: 3, stride: 4 };
    const set = sample(batch, options, randomStream(9));
    assertEquals(set.groups.length, 6 * 17);
    assertEquals(set.positions.length, 6 * 17 * 2);
    assertEquals(set.groups.filter((g) => g >= 0).length, set.count);
    byGroup(set, 4).forEach((members) => assert(members.length >= 3));
    assertEquals(sample(batch, options, randomStream(9)), set);
    const other = sample(batch, options, randomStream(10));
    assert(other.positions.some((p, i) => p !== set.positions[i]));
    const empty = sample(batch, { ...options, minimumGroup: 1000 }, randomStream(9));
    assertEquals([empty.count, empty.groupCount], [0, 0]);
    assertEquals(sample(batch, { ...options, perImage: 0 }, randomStream(9)).groups.length, 0);
  }
});

Deno.test("toGrid() aligns the spans of both grids", () => {
  assertEquals([toGrid(-0.5, 4), toGrid(1.5, 4), toGrid(5.5, 4)], [-0.5, 0, 1]);
  assertEquals(toGrid(3, 1), 3);
});
