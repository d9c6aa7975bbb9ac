import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../lib/errors.ts";
import { similarity, type SimilarityOptions } from "../../../lib/evaluate/similarity.ts";
import type { Random } from "../../../lib/random.ts";
import { library, nativeTest } from "./support.ts";

/** Rows of random directions, each of a length of its own. */
function rows(random: Random, lengths: readonly number[], dimension: number): Float32Array {
  return Float32Array.from(
    { length: lengths.length * dimension },
    (_, at) => random.normal() * lengths[Math.floor(at / dimension)],
  );
}

function assertSame(a: Float32Array, b: Float32Array, options: SimilarityOptions): void {
  const [got, expected] = [library!, null].map((library) => similarity(a, b, options, library));
  assertEquals(got.length, expected.length);
  got.forEach((value, at) => {
    const close = Math.abs(value - expected[at]) <= 2e-6 || Object.is(value, expected[at]);
    assert(close, `element ${at}: expected ${expected[at]}, got ${value}`);
  });
}

nativeTest(
  "cosines are those of plain TypeScript for rows of any length",
  "cpcdr_similarity",
  (random) => {
    const lengths = [0, 1, 1e-38, 1e-30, 1e-20, 1e-10, 1e-3, 1e4, 1e10, 1e19, 1e30, 3e37];
    for (const dimension of [1, 3, 64]) {
      const all = rows(random, lengths, dimension), usual = rows(random, [1, 2, 0, 1e3], dimension);
      assertSame(all, all, { dimension, kind: "cosine" });
      assertSame(all, usual, { dimension, kind: "cosine" });
      assertSame(usual, all, { dimension, kind: "cosine" });
      assertSame(usual, usual, { dimension, kind: "cosine" });
    }
    for (const length of [1e-45, 1e-40, 3e38]) {
      const row = Float32Array.of(length, 0);
      assertSame(row, row, { dimension: 2, kind: "cosine" });
    }
  },
);

nativeTest("cosines of rows with NaN are NaN, and others stay", "cpcdr_similarity", () => {
  const a = Float32Array.of(NaN, 1, 1e-30, 0), b = Float32Array.of(1, 0, 0, 1e30);
  const got = similarity(a, b, { dimension: 2, kind: "cosine" }, library);
  assertEquals([...got], [NaN, NaN, 1, 0]);
});

nativeTest("similarity of no rows is empty", "cpcdr_similarity", () => {
  const none = new Float32Array(), some = Float32Array.of(1, 2);
  for (const kind of ["dot", "cosine"] as const) {
    for (const [a, b] of [[none, some], [some, none], [none, none]]) {
      assertEquals(similarity(a, b, { dimension: 2, kind }, library).length, 0);
    }
  }
  const { symbols, check } = library!;
  const out = new Float32Array(1);
  const run = () => check(symbols.cpcdr_similarity(null, some, out, Int32Array.of(1, 1, 2, 0)));
  assertThrows(run, DeviceError, "null pointer");
});
