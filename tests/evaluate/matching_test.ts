import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { matchClusters, maximumAssignment } from "../../lib/evaluate/matching.ts";
import { emptyConfusion, scoreConfusion } from "../../lib/evaluate/score.ts";
import { randomStream } from "../../lib/random.ts";
import { bestGainByBruteForce } from "../oracles/assignment.ts";

Deno.test("maximumAssignment() reaches the best of all permutations", () => {
  const seed = Date.now();
  const random = randomStream(seed);
  for (let trial = 0; trial < 60; trial++) {
    const n = 1 + trial % 6;
    // Every third matrix has many ties.
    const draw = () => trial % 3 === 0 ? random.integer(3) : random.uniform(-1, 1);
    const gains = Array.from({ length: n }, () => Array.from({ length: n }, draw));
    const columns = maximumAssignment(gains.flat(), n, n);
    assertEquals(new Set(columns).size, n, `seed ${seed}`);
    const gain = gains.reduce((sum, row, r) => sum + row[columns[r]], 0);
    assertAlmostEquals(gain, bestGainByBruteForce(gains), 1e-12, `seed ${seed} trial ${trial}`);
  }
});

Deno.test("maximumAssignment() leaves rows over when columns are fewer", () => {
  assertEquals([...maximumAssignment([1, 5, 9, 2, 3, 4], 3, 2)], [1, 0, -1]);
  assertThrows(() => maximumAssignment([1, 2, 3], 2, 2), ConfigError, "2 x 2");
});

Deno.test("matchClusters() prefers IoU over pixel counts and renames the clusters", () => {
  const counts = Float64Array.of(10, 6, 4, 4);
  const { classOfCluster, matched } = matchClusters({ rows: 2, columns: 2, counts });
  assertEquals([...classOfCluster], [0, 1]);
  assertEquals([...matched.counts], [10, 6, 4, 4]);
  const swapped = matchClusters({ rows: 2, columns: 2, counts: Float64Array.of(6, 10, 4, 4) });
  assertEquals([...swapped.classOfCluster], [1, 0]);
  assertEquals([...swapped.matched.counts], [10, 6, 4, 4]);
  // Pixels would take the diagonal (95 + 0 against 60 + 30); IoU takes the other one (0.63 : 0.51).
  const large = matchClusters({ rows: 2, columns: 2, counts: Float64Array.of(95, 60, 30, 0) });
  assertEquals([...large.classOfCluster], [1, 0]);
  assertAlmostEquals(scoreConfusion(large.matched).miou, (60 / 155 + 30 / 125) / 2, 1e-12);
});

Deno.test("matchClusters() names each of three clusters that go round by its own class", () => {
  // Most of class 0 is in cluster 1, of class 1 in cluster 2, of class 2 in cluster 0.
  const counts = Float64Array.of(1, 50, 2, 3, 4, 60, 70, 5, 6);
  const { classOfCluster, matched } = matchClusters({ rows: 3, columns: 3, counts });
  assertEquals([...classOfCluster], [2, 0, 1]);
  assertEquals([...matched.counts], [50, 2, 1, 4, 60, 3, 5, 6, 70]);
});

Deno.test("matchClusters() refuses more clusters than classes", () => {
  assertThrows(() => matchClusters(emptyConfusion(2, 3)), ConfigError, "expected 2 clusters");
});
