import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { addBoundaries, boundaryRecall, emptyBoundaries } from "../../lib/regions/boundaries.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));

function regionMap(height: number, width: number, ids: ArrayLike<number>) {
  return { height, width, ids: Int32Array.from(ids), regions: [] };
}

function recall(map: ReturnType<typeof regionMap>, labels: ArrayLike<number>, tolerance?: number) {
  const counts = emptyBoundaries();
  addBoundaries(counts, map, Uint8Array.from(labels), undefined, 255, tolerance);
  return boundaryRecall(counts);
}

Deno.test("addBoundaries() finds an outline two pixels away, and none at three", () => {
  const step = (at: number) => Array.from({ length: 40 }, (_, i) => Number(i % 10 >= at));
  for (const [at, wanted] of [[5, 1], [3, 1], [7, 1], [2, 0], [8, 0]]) {
    assertEquals(recall(regionMap(4, 10, step(at)), step(5)), wanted, `outline at ${at}`);
  }
  assertEquals(recall(regionMap(4, 10, step(8)), step(5), 3), 1);
  assert(Number.isNaN(recall(regionMap(4, 10, step(5)), step(0))));
});

Deno.test("addBoundaries() counts outlines of instances, and none to what is ignored", () => {
  const map = regionMap(1, 8, [0, 0, 0, 0, 0, 0, 0, 1]);
  const labels = Uint8Array.of(0, 0, 0, 0, 1, 255, 255, 2);
  const instances = Uint16Array.of(1, 2, 2, 2, 2, 2, 2, 2);
  const counts = emptyBoundaries();
  addBoundaries(counts, map, labels, instances, 255, 0);
  // Between pixels 0 and 1 (instances) and 3 and 4 (classes); regions part at 6 alone.
  assertEquals(counts, { total: 2, found: 0 });
  addBoundaries(counts, map, labels, instances, 255, 3);
  assertEquals(counts, { total: 4, found: 1 });
  assertThrows(
    () => addBoundaries(counts, map, labels.subarray(1), instances, 255),
    DataError,
    "expected 8 labels",
  );
});

Deno.test("addBoundaries() agrees with a search around every pixel", () => {
  for (let trial = 0; trial < 30; trial++) {
    const random = randomStream(SEED, "boundaries", trial);
    const height = 1 + random.integer(12), width = 1 + random.integer(12);
    const tolerance = random.integer(4);
    const blocks = (size: number) => {
      const values = Array.from({ length: 200 }, () => random.integer(3));
      return Array.from({ length: height * width }, (_, i) => {
        const row = Math.floor(Math.floor(i / width) / size), column = Math.floor(i % width / size);
        return values[12 * row + column];
      });
    };
    const labels = blocks(3), ids = blocks(2);
    const edge = (values: readonly number[], y: number, x: number) => {
      const own = values[y * width + x];
      return (x + 1 < width && values[y * width + x + 1] !== own) ||
        (y + 1 < height && values[(y + 1) * width + x] !== own);
    };
    let total = 0, found = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!edge(labels, y, x)) continue;
        total++;
        let near = false;
        for (let v = 0; v < height; v++) {
          for (let u = 0; u < width; u++) {
            near ||= Math.max(Math.abs(u - x), Math.abs(v - y)) <= tolerance && edge(ids, v, u);
          }
        }
        found += Number(near);
      }
    }
    const counts = emptyBoundaries();
    const map = regionMap(height, width, ids);
    addBoundaries(counts, map, Uint8Array.from(labels), undefined, 255, tolerance);
    assertEquals(counts, { total, found }, `seed ${SEED}, trial ${trial}`);
    if (total > 0) assertAlmostEquals(boundaryRecall(counts), found / total, 1e-12);
  }
});
