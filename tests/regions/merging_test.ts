import { assert, assertEquals } from "@std/assert";
import { randomStream } from "../../lib/random.ts";
import { labelGrid } from "../../lib/regions/connected_components.ts";
import { mergeSmall } from "../../lib/regions/merging.ts";

/** Regions left of a row-wise picture whose digits are log depths in tenths. */
function merged(picture: readonly string[], jump: number | null, area = 1): string[] {
  const [height, width] = [picture.length, picture[0].length];
  const tenths = Array.from(picture.join(""), Number);
  const components = labelGrid(height, width, 4, (a, b) => tenths[a] === tenths[b]);
  const logDepth = Float32Array.from(tenths, (value) => value / 10);
  const kinds = new Uint8Array(height * width);
  const { labels } = mergeSmall(components, logDepth, kinds, height, width, 8, { jump, area });
  return picture.map((_, y) => Array.from(labels.subarray(y * width, (y + 1) * width)).join(""));
}

const POLE = ["77777777", "77727777", "77727777", "77727777", "77777777"];
const RUNG = ["22244777", "22244777", "22244777", "22222777", "22222777"];
const HOLE = ["33333333", "33833333", "33833333", "33333333"];

Deno.test("mergeSmall() keeps what stands out before or behind all around it", () => {
  assertEquals(merged(POLE, 0.3), ["00000000", "00010000", "00010000", "00010000", "00000000"]);
  assertEquals(merged(HOLE, 0.3), ["00000000", "00100000", "00100000", "00000000"]);
});

Deno.test("mergeSmall() merges all that is small without a jump to keep, or below it, or too tiny", () => {
  for (const [jump, area] of [[null, 1], [0.6, 1], [0.3, 4]] as const) {
    assertEquals(merged(POLE, jump, area), POLE.map(() => "00000000"));
  }
});

Deno.test("mergeSmall() merges the rung between near and far into what is nearer to it in depth", () => {
  assertEquals(merged(RUNG, 0.1), RUNG.map(() => "00000111"));
  assertEquals(merged(RUNG, null), RUNG.map(() => "00000111"));
});

Deno.test("mergeSmall() leaves nothing small where something is kept by no jump", () => {
  const random = randomStream(Math.floor(Math.random() * 1e6), "merging");
  for (let round = 0; round < 50; round++) {
    const [height, width] = [4 + random.integer(8), 4 + random.integer(8)];
    const picture = Array.from(
      { length: height },
      () => Array.from({ length: width }, () => 1 + random.integer(3)).join(""),
    );
    const areas = new Map<string, number>();
    const { labels } = mergeAll(picture);
    labels.forEach((label) => areas.set(`${label}`, (areas.get(`${label}`) ?? 0) + 1));
    for (const area of areas.values()) assert(area >= 5, `${area} in ${picture}`);
  }
});

function mergeAll(picture: readonly string[]) {
  const [height, width] = [picture.length, picture[0].length];
  const levels = Array.from(picture.join(""), Number);
  const components = labelGrid(height, width, 4, (a, b) => levels[a] === levels[b]);
  const keep = { jump: null, area: 0 };
  const kinds = new Uint8Array(height * width);
  return mergeSmall(components, Float32Array.from(levels), kinds, height, width, 5, keep);
}
