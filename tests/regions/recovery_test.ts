import { assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import { addRecovery, emptyRecovery, recoveredShares } from "../../lib/regions/recovery.ts";

/** One row of regions. */
function mapOf(...ids: number[]) {
  const areas = Array.from({ length: Math.max(...ids) + 1 }, (_, id) => ({
    area: ids.filter((other) => other === id).length,
  }));
  return { height: 1, width: ids.length, ids: Int32Array.from(ids), regions: areas as never };
}

Deno.test("addRecovery() counts instances that one region covers by half of both", () => {
  const counts = emptyRecovery(2);
  const labels = Uint8Array.of(0, 1, 1, 1, 1, 1, 1, 0);
  const instances = Uint16Array.of(0, 5, 5, 5, 6, 6, 6, 0);
  // 5: 3 of 4 pixels of region 0; 6: two regions with at most 1 of 3 and 2 of 4.
  addRecovery(counts, mapOf(0, 0, 0, 0, 1, 2, 2, 2), labels, instances);
  assertEquals(Array.from(counts.instances), [0, 2]);
  assertEquals(Array.from(counts.recovered), [0, 2]);
  addRecovery(counts, mapOf(0, 0, 0, 1, 1, 2, 3, 3), labels, instances);
  assertEquals(Array.from(counts.recovered), [0, 3]);
  assertEquals(recoveredShares(counts), [NaN, 3 / 4]);
});

Deno.test("addRecovery() leaves out instances that are too small to count", () => {
  const counts = emptyRecovery(2);
  const labels = Uint8Array.of(1, 1, 1, 1), instances = Uint16Array.of(1, 2, 2, 2);
  addRecovery(counts, mapOf(0, 1, 1, 1), labels, instances, 0.5);
  assertEquals(Array.from(counts.instances), [0, 1]);
  // Of just as many pixels as count, it does.
  addRecovery(counts, mapOf(0, 1, 1, 1), labels, instances, 0.25);
  assertEquals(Array.from(counts.instances), [0, 3]);
});

Deno.test("addRecovery() refuses maps of different sizes", () => {
  assertThrows(
    () => addRecovery(emptyRecovery(1), mapOf(0, 0), new Uint8Array(2), new Uint16Array(3)),
    DataError,
    "got 2 and 3",
  );
});
