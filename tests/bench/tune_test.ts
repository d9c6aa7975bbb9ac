import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { tableSource } from "../../bench/tune/table.ts";
import { bestSizes, type Comparison } from "../../bench/tune/winograd.ts";
import { BLOCKS, CHOICES, WINOGRAD } from "../../lib/engine/webgpu/tile_table.ts";

function comparison(channels: number, tiles: number, ...seconds: number[]): Comparison {
  const [plain, ...winograd] = seconds;
  return { name: `${channels} channels`, channels, tiles, plain, winograd };
}

Deno.test("bestSizes() gives the sizes from which on all cases together are the fastest", () => {
  const cases = [
    comparison(16, 4000, 1, 2, 3),
    comparison(64, 1000, 5, 4, 6),
    comparison(256, 50, 4, 9, 5),
    comparison(256, 2000, 9, 4, 3.5),
  ];
  // With few bytes 1 + 4 + 4 + 4, with many 1 + 5 + 4 + 3.5.
  assertEquals(bestSizes(cases), { channels: 64, tiles: 1000, bytes: 1 << 25 });
  assertEquals(bestSizes(cases.slice(3)), { channels: 256, tiles: 2000, bytes: 1 << 28 });
  assertEquals(bestSizes(cases.slice(0, 1)), undefined);
  assertEquals(bestSizes([]), undefined);
});

Deno.test("the engine's table of tiles is as the tuning script writes it", async () => {
  const path = fromFileUrl(import.meta.resolve("../../lib/engine/webgpu/tile_table.ts"));
  const choices = CHOICES.map(([kind, rows, columns, depth, block, groups]) => (
    { kind, rows, columns, depth, block: BLOCKS[block], groups }
  ));
  const written = await Deno.readTextFile(path);
  const [, adapter] = written.match(/\n \* (.+), as `deno run/) ?? [];
  assertEquals(tableSource(choices, WINOGRAD, adapter), written);
});
