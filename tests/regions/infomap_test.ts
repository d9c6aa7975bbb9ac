import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { infomap, LEAST_REFINEMENT } from "../../lib/regions/infomap.ts";
import { aggregate, codelength, flowGraph, type Links } from "../../lib/regions/map_equation.ts";
import { plainCodelength } from "../oracles/map_equation.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));

function linksOf(list: readonly (readonly [number, number, number?])[]): Links {
  return {
    from: Int32Array.from(list, ([a]) => a),
    to: Int32Array.from(list, ([, b]) => b),
    weights: Float64Array.from(list, ([, , weight]) => weight ?? 1),
  };
}

/** Two triangles and the link between them. */
const TRIANGLES = linksOf([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 3]]);

/** Zachary's karate club (1977), 34 members, 78 links. */
const CLUB = linksOf(
  `0 1 0 2 0 3 0 4 0 5 0 6 0 7 0 8 0 10 0 11 0 12 0 13 0 17 0 19 0 21 0 31 1 2 1 3 1 7 1 13 1 17 1 19 1 21
   1 30 2 3 2 7 2 8 2 9 2 13 2 27 2 28 2 32 3 7 3 12 3 13 4 6 4 10 5 6 5 10 5 16 6 16 8 30 8 32 8 33 9 33
   13 33 14 32 14 33 15 32 15 33 18 32 18 33 19 33 20 32 20 33 22 32 22 33 23 25 23 27 23 29 23 32 23 33
   24 25 24 27 24 31 25 31 26 29 26 33 27 33 28 31 28 33 29 32 29 33 30 32 30 33 31 32 31 33 32 33`
    .trim().split(/\s+/).map(Number)
    .flatMap((value, i, all): [number, number][] => i % 2 === 0 ? [[value, all[i + 1]]] : []),
);

/** A random graph as links and as a matrix; some links go to their own node, some come twice. */
function randomGraph(count: number, random: Random) {
  const matrix = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const list = Array.from({ length: 3 * count }, (): [number, number, number] => {
    const link = [random.integer(count), random.integer(count), random.uniform(0.1, 5)] as const;
    matrix[link[0]][link[1]] += link[2];
    matrix[link[1]][link[0]] += link[2];
    return [...link];
  });
  return { links: linksOf(list), matrix };
}

/** Groups of equal size; a link within a group is likely, between groups it is not. */
function planted(groups: number, size: number, inner: number, outer: number, random: Random) {
  const count = groups * size, list: [number, number][] = [];
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const same = Math.floor(a / size) === Math.floor(b / size);
      if (random.chance(same ? inner : outer)) list.push([a, b]);
    }
  }
  return flowGraph(count, linksOf(list));
}

Deno.test("codelength() of two triangles is what a hand computes", () => {
  const graph = flowGraph(6, TRIANGLES);
  // Each triangle is left in 1 of 14 steps: one bit for the index in 2 of 14 steps, and in each module
  // a code of 8/14 for its exit (1) and its nodes (2, 2, 3).
  const book = -(1 / 8 * Math.log2(1 / 8) + 4 / 8 * Math.log2(2 / 8) + 3 / 8 * Math.log2(3 / 8));
  const two = 2 / 14 + 2 * 8 / 14 * book;
  assertAlmostEquals(two, 2.3207, 5e-5);
  assertAlmostEquals(codelength(graph, Int32Array.of(0, 0, 0, 1, 1, 1)), two, 1e-12);
  const one = -(4 * 2 / 14 * Math.log2(2 / 14) + 2 * 3 / 14 * Math.log2(3 / 14));
  assertAlmostEquals(codelength(graph, new Int32Array(6)), one, 1e-12);
});

Deno.test("codelength() agrees with the plain formula on random graphs", () => {
  for (let trial = 0; trial < 50; trial++) {
    const random = randomStream(SEED, "codelength", trial);
    const count = 1 + random.integer(25);
    const { links, matrix } = randomGraph(count, random);
    const graph = flowGraph(count, links);
    const modules = Int32Array.from({ length: count }, () => random.integer(1 + count / 3));
    const plain = plainCodelength(matrix, [...modules]);
    assertAlmostEquals(codelength(graph, modules), plain, 1e-9, `seed ${SEED}, trial ${trial}`);
  }
});

Deno.test("aggregate() keeps what the walk does between modules", () => {
  const random = randomStream(SEED, "aggregate");
  const { links, matrix } = randomGraph(20, random);
  const graph = flowGraph(20, links);
  const modules = Int32Array.from({ length: 20 }, (_, i) => i % 4);
  const coarse = aggregate(graph, modules, 4);
  const total = matrix.flat().reduce((sum, weight) => sum + weight, 0);
  for (let a = 0; a < 4; a++) {
    const flow = matrix.flatMap((row, i) => modules[i] === a ? row : []);
    assertAlmostEquals(coarse.flows[a], flow.reduce((sum, w) => sum + w, 0) / total, 1e-12);
    let exit = 0;
    for (let k = coarse.offsets[a]; k < coarse.offsets[a + 1]; k++) {
      const b = coarse.neighbours[k];
      const between = matrix.flatMap((row, i) =>
        row.filter((_, j) => modules[i] === a && modules[j] === b)
      );
      const wanted = between.reduce((sum, w) => sum + w, 0) / total;
      assertAlmostEquals(coarse.linkFlows[k], wanted, 1e-12, `seed ${SEED}`);
      exit += wanted;
    }
    assertAlmostEquals(coarse.exits[a], exit, 1e-12);
  }
});

Deno.test("flowGraph() refuses links that no walk can take", () => {
  for (
    const link of [[0, 2, 1], [-1, 0, 1], [0, 1, 0], [0, 1, -1], [0, 1, NaN], [0, 1, Infinity]]
  ) {
    assertThrows(
      () => flowGraph(2, linksOf([link as [number, number, number]])),
      ConfigError,
      "walk on a graph of 2 nodes",
    );
  }
});

Deno.test("flowGraph() and codelength() refuse arrays that do not go together", () => {
  const { from, to, weights } = TRIANGLES;
  for (
    const change of [{ from: from.slice(1) }, { to: to.slice(1) }, { weights: weights.slice(1) }]
  ) {
    assertThrows(
      () => flowGraph(6, { ...TRIANGLES, ...change }),
      ConfigError,
      "expected two ends and a weight of each link, got",
    );
  }
  const graph = flowGraph(6, TRIANGLES);
  for (const count of [0, 5, 7]) {
    assertThrows(
      () => codelength(graph, new Int32Array(count)),
      ConfigError,
      `of 6 nodes, got ${count}`,
    );
  }
});

Deno.test("infomap() finds the published modules and code length of the karate club", () => {
  // Infomap's own result as python-igraph's tests have it: 4.31179 bits.
  const published = [
    [1, 1, 1, 1, 2, 2, 2, 1, 0, 1, 2, 1, 1, 1, 0, 0, 2, 1, 0, 1, 0, 1],
    new Array(12).fill(0),
  ].flat();
  const graph = flowGraph(34, CLUB);
  assertAlmostEquals(codelength(graph, Int32Array.from(published)), 4.31179, 5e-6);
  const found = Array.from(
    { length: 10 },
    (_, i) => infomap(graph, randomStream(SEED + i, "club")),
  );
  const best = Math.min(...found.map((partition) => partition.codelength));
  assertAlmostEquals(best, 4.31179, 5e-6, `seed ${SEED}`);
  const { modules } = found.find((partition) => partition.codelength === best)!;
  assertEquals(new Set(modules.map((id, node) => 10 * id + published[node])).size, 3);
});

Deno.test("infomap() answers the code length of what it answers, and never more than one module's", () => {
  for (let trial = 0; trial < 20; trial++) {
    const random = randomStream(SEED, "length", trial);
    const { links } = randomGraph(40, random);
    const graph = flowGraph(40, links);
    const { modules, count, codelength: length } = infomap(graph, random);
    assertEquals(new Set(modules).size, count);
    assertEquals(modules[0], 0);
    assertAlmostEquals(length, codelength(graph, modules), 1e-9);
    assert(length <= codelength(graph, new Int32Array(40)) + 1e-12, `seed ${SEED}`);
  }
});

Deno.test("infomap() leaves nothing that moving one node would shorten", () => {
  const random = randomStream(SEED, "local");
  const graph = planted(6, 12, 0.5, 0.05, random);
  const { modules, codelength: length } = infomap(graph, random);
  for (let node = 0; node < graph.count; node++) {
    for (let id = 0; id <= Math.max(...modules) + 1; id++) {
      const other = modules.with(node, id);
      const gain = length - codelength(graph, other);
      assert(gain < LEAST_REFINEMENT * length, `seed ${SEED}: node ${node} to ${id} gains ${gain}`);
    }
  }
});

Deno.test("infomap() recovers planted groups", () => {
  const random = randomStream(SEED, "planted");
  const groups = Int32Array.from({ length: 240 }, (_, node) => Math.floor(node / 20));
  const graph = planted(12, 20, 0.7, 0.01, random);
  const { modules, count } = infomap(graph, random);
  assertEquals(count, 12, `seed ${SEED}`);
  modules.forEach((id, node) => assertEquals(id, groups[node], `seed ${SEED}`));
  // Of sparser ones a hundredth has a shorter code than by its groups: never may a longer one be found.
  const sparse = planted(12, 20, 0.5, 0.01, random);
  const { codelength: length } = infomap(sparse, random);
  assert(length <= codelength(sparse, groups) + 1e-9, `seed ${SEED}: ${length}`);
  // A single group is not cut.
  const whole = planted(1, 30, 0.6, 0, random);
  assertEquals(infomap(whole, random).count, 1);
});

Deno.test("infomap() repeats under a seed and takes graphs without links", () => {
  const graph = planted(8, 15, 0.4, 0.03, randomStream(SEED, "repeat"));
  const run = (seed: number) => infomap(graph, randomStream(seed, "run"));
  assertEquals(run(1), run(1));
  const none = { from: new Int32Array(), to: new Int32Array(), weights: new Float64Array() };
  assertEquals(infomap(flowGraph(3, none), randomStream(1)).count, 3);
  assertEquals(infomap(flowGraph(0, none), randomStream(1)).count, 0);
  assertEquals(infomap(flowGraph(1, none), randomStream(1)).count, 1);
});
