import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { agglomerate } from "../../lib/evaluate/clustering.ts";
import { randomStream } from "../../lib/random.ts";
import oracle from "../oracles/agglomeration.json" with { type: "json" };

/** Renames ids by first occurrence, so that two partitions can be compared. */
function canonical(labels: readonly number[]): number[] {
  const order = [...new Set(labels)];
  return labels.map((label) => order.indexOf(label));
}

Deno.test("agglomerate() agrees with SciPy's average linkage under cosine distance", () => {
  for (const { vectors, count, dimension, groups, labels } of oracle) {
    assertEquals([...agglomerate(vectors, count, dimension, groups)], canonical(labels));
  }
});

Deno.test("agglomerate() looks at directions only, and handles the extremes", () => {
  const vectors = [1, 0, 9, 0.1, 0, 2, 0.01, 0.5];
  assertEquals([...agglomerate(vectors, 4, 2, 2)], [0, 0, 1, 1]);
  assertEquals([...agglomerate(vectors, 4, 2, 1)], [0, 0, 0, 0]);
  assertEquals([...agglomerate(vectors, 4, 2, 4)], [0, 1, 2, 3]);
  assertEquals([...agglomerate([3, 4], 1, 2, 1)], [0]);
});

Deno.test("agglomerate() refuses too many groups, zero vectors and NaN", () => {
  assertThrows(() => agglomerate([1, 0, 0, 1], 2, 2, 3), ConfigError, "1 to 2 groups");
  assertThrows(() => agglomerate([1, 0, 0, 0], 2, 2, 1), ConfigError, "non-zero");
  assertThrows(() => agglomerate([1, 0, NaN, 1], 2, 2, 1), ConfigError, "finite");
});

Deno.test("agglomerate() takes a vector of weight n as n vectors", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const random = randomStream(seed);
  for (let trial = 0; trial < 50; trial++) {
    const count = 3 + random.integer(12), dimension = 2 + random.integer(4);
    const rows = Array.from(
      { length: count },
      () => Array.from({ length: dimension }, () => random.normal()),
    );
    const weights = rows.map(() => 1 + random.integer(5));
    const groups = 1 + random.integer(count);
    const copies = rows.flatMap((row, i) => Array.from({ length: weights[i] }, () => row));
    const ofCopies = agglomerate(copies.flat(), copies.length, dimension, groups);
    const expected = rows.map((_, i) => ofCopies[weights.slice(0, i).reduce((a, b) => a + b, 0)]);
    const weighted = agglomerate(rows.flat(), count, dimension, groups, weights);
    assertEquals([...weighted], expected, `seed ${seed}`);
  }
});
