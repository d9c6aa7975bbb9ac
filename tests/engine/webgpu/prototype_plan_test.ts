import { assert, assertEquals } from "@std/assert";
import { PIECE_ROWS, planChunks } from "../../../lib/engine/webgpu/kernels/prototype_loss/plan.ts";
import { randomStream } from "../../../lib/random.ts";

Deno.test("planChunks() takes every slot once and no group apart", () => {
  const seed = Date.now(), random = randomStream(seed);
  for (let round = 0; round < 200; round++) {
    const slots = 1 + random.integer(300), groupCount = random.integer(60);
    const limit = 1 + random.integer(200);
    const groups = Int32Array.from({ length: slots }, () => random.integer(groupCount + 1) - 1);
    const sizes = new Map<number, number>();
    for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const what = `seed ${seed}, round ${round}`;
    const chunks = planChunks(groups, groupCount, limit);
    const all = chunks.flatMap((chunk) => [...chunk.slots]);
    assertEquals(all.toSorted((a, b) => a - b), [...groups.keys()], what);
    for (const chunk of chunks) {
      const own = [...chunk.slots].map((slot) => groups[slot]);
      const kinds = new Set(own);
      assert(own.length <= limit || kinds.size === 1, what);
      assertEquals(own.filter((group) => group >= 0).length, chunk.present, what);
      assert(own.slice(0, chunk.present).every((group) => group >= 0), what);
      for (const group of kinds) {
        if (group < 0) continue;
        assertEquals(own.filter((other) => other === group).length, sizes.get(group), what);
      }
      assertPieces(chunk, own, sizes, what);
    }
  }
});

function assertPieces(
  { pieces, longPieces, longGroups }: ReturnType<typeof planChunks>[number],
  own: readonly number[],
  sizes: ReadonlyMap<number, number>,
  what: string,
): void {
  let row = 0;
  const long = new Map<number, number[]>();
  for (let at = 0; at < pieces.length; at += 4) {
    const [begin, end, place, size] = pieces.subarray(at, at + 4);
    assertEquals(begin, row, what);
    assert(end > begin && end - begin <= PIECE_ROWS, what);
    assertEquals(new Set(own.slice(begin, end)).size, 1, what);
    assertEquals(size, own[begin] < 0 ? 0 : sizes.get(own[begin]), what);
    assertEquals(place >= 0, size > PIECE_ROWS, what);
    if (place >= 0) long.set(place, [...long.get(place) ?? [], begin, end]);
    row = end;
  }
  assertEquals(row, own.length, what);
  assertEquals(long.size, longGroups.length / 3, what);
  for (const [place, rows] of long) {
    const [first, last, size] = longGroups.subarray(3 * place, 3 * place + 3);
    assertEquals([...longPieces.subarray(2 * first, 2 * last)], rows, what);
    assertEquals(size, rows.at(-1)! - rows[0], what);
  }
}

Deno.test("planChunks() makes chunks of about the same size", () => {
  const groups = Int32Array.from({ length: 1000 }, (_, slot) => slot >> 1);
  assertEquals(planChunks(groups, 500, 900).map(({ slots }) => slots.length), [500, 500]);
  assertEquals(planChunks(groups, 500, 1000).length, 1);
  assertEquals(planChunks(groups.fill(-1), 0, 400).map(({ slots }) => slots.length), [
    334,
    334,
    332,
  ]);
});
