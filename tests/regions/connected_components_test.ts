import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { connectedComponents } from "../../lib/regions/connected_components.ts";
import { floodFill } from "../oracles/flood_fill.ts";

function randomMap(height: number, width: number, levels: number): Float32Array {
  return Float32Array.from({ length: height * width }, () => {
    const draw = Math.random();
    if (draw < 0.02) return NaN;
    if (draw < 0.04) return Infinity;
    return Math.floor(Math.random() * levels);
  });
}

Deno.test("connectedComponents() labels random maps as a flood fill does", () => {
  for (let round = 0; round < 300; round++) {
    const height = 1 + Math.floor(Math.random() * 12), width = 1 + Math.floor(Math.random() * 12);
    const connectivity = Math.random() < 0.5 ? 4 : 8;
    const maxJump = Math.floor(Math.random() * 3);
    const background = Math.random() < 0.3 ? 0 : undefined;
    const map = randomMap(height, width, 1 + Math.floor(Math.random() * 6));
    const got = connectedComponents(map, [1, height, width], { connectivity, maxJump, background });
    const expected = floodFill(map, height, width, connectivity, maxJump, background);
    assertEquals(Array.from(got.labels), expected.labels);
    assertEquals(got.counts[0], expected.count);
  }
});

Deno.test("connectedComponents() follows a spiral and parts a chessboard", () => {
  const spiral = ["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"];
  const map = Float32Array.from(spiral.join(""), (mark) => Number(mark === "#"));
  const { labels, counts } = connectedComponents(map, [1, 7, 7], {
    connectivity: 4,
    maxJump: 0,
    background: 0,
  });
  assertEquals(counts[0], 1);
  assertEquals(labels[0], labels[4 * 7 + 3]);
  const board = Float32Array.from({ length: 64 }, (_, i) => (i + (i >> 3)) & 1);
  assertEquals(
    connectedComponents(board, [1, 8, 8], { connectivity: 4, maxJump: 0 }).counts[0],
    64,
  );
  assertEquals(connectedComponents(board, [1, 8, 8], { connectivity: 8, maxJump: 0 }).counts[0], 2);
});

Deno.test("connectedComponents() keeps the maps of a batch apart", () => {
  const { labels, counts } = connectedComponents(Float32Array.of(1, 1, 2, 1, 2, 2), [2, 1, 3], {
    connectivity: 4,
    maxJump: 0,
  });
  assertEquals(Array.from(labels), [0, 0, 1, 0, 1, 1]);
  assertEquals(Array.from(counts), [2, 2]);
});

Deno.test("connectedComponents() refuses a wrong size and a negative jump", () => {
  const options = { connectivity: 4, maxJump: 0 } as const;
  assertThrows(
    () => connectedComponents(new Float32Array(5), [1, 2, 3], options),
    ConfigError,
    "got Float32Array(5)",
  );
  assertThrows(
    () => connectedComponents(new Float32Array(6), [1, 2, 3], { ...options, maxJump: -1 }),
    ConfigError,
    "-1",
  );
});
