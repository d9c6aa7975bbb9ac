import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { kMeans, nearestCentres } from "../../lib/evaluate/kmeans.ts";
import { randomStream } from "../../lib/random.ts";

function blobs(seed: number, centres: number[][], each: number): Float32Array {
  const random = randomStream(seed);
  return Float32Array.from(
    Array.from({ length: each }, () => centres.map((c) => c.map((x) => random.normal(x, 0.1))))
      .flat(2),
  );
}

Deno.test("kMeans() separates blobs that are apart", () => {
  const truth = [[0, 0, 1], [4, 0, 0], [0, 5, -1], [4, 5, 2], [9, 9, 9]];
  const points = blobs(Date.now(), truth, 40);
  const { centres, labels, inertia } = kMeans(points, 3, 5, randomStream(1));
  assertEquals(new Set(labels.slice(0, 5)).size, 5);
  labels.forEach((label, i) => assertEquals(label, labels[i % 5]));
  truth.forEach((centre, c) =>
    centre.forEach((x, d) => assertAlmostEquals(centres[labels[c] * 3 + d], x, 0.1))
  );
  // 200 points, 3 axes, variance 0.01 each, less what the means absorb.
  assert(inertia > 3 && inertia < 9, `${inertia}`);
  assertEquals(nearestCentres(points, 3, centres), labels);
});

Deno.test("kMeans() of one cluster is the mean, and of every point itself", () => {
  const points = Float64Array.of(0, 0, 2, 4, 4, 2);
  const one = kMeans(points, 2, 1, randomStream(1));
  assertEquals([...one.centres], [2, 2]);
  assertEquals(one.inertia, 16);
  assertEquals(kMeans(points, 2, 3, randomStream(1)).inertia, 0);
  assertEquals(kMeans(Float64Array.of(7, 7, 7), 1, 2, randomStream(1)).inertia, 0);
});

Deno.test("kMeans() repeats under a seed, gains from starts, and stops at its iterations", () => {
  const points = blobs(3, [[0], [1], [2], [3], [4], [5]], 30);
  const run = (starts: number, iterations: number, seed = 5) =>
    kMeans(points, 1, 6, randomStream(seed), { starts, iterations });
  assertEquals(run(3, 20), run(3, 20));
  const seeds = Array.from({ length: 12 }, (_, i) => i);
  const mean = (starts: number, iterations: number) =>
    seeds.reduce((sum, seed) => sum + run(starts, iterations, seed).inertia, 0);
  assert(mean(6, 20) < mean(1, 20));
  assert(mean(1, 20) < mean(1, 1));
});

Deno.test("kMeans() refuses more clusters than points", () => {
  assertThrows(() => kMeans(Float64Array.of(1, 2), 1, 3, randomStream(1)), ConfigError, "k 3");
});
