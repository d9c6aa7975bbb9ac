/**
 * Repeated grouping of a graph by the map equation, until what is left apart is apart in 3-D.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { infomap } from "./infomap.ts";
import { flowGraph } from "./map_equation.ts";
import { Numbering } from "./numbering.ts";

/** Links `from` - `to` with distances above 0; see {@linkcode communities}. */
export interface DistanceGraph {
  readonly count: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly distances: Float64Array;
}

/**
 * The paper's repeated Infomap (section 3.1 and its code): flow over a link is 1 / distance, and modules
 * of the two-level map equation become the nodes of the next round, linked by the mean distance of the
 * links between them. A community none of whose links is below `apart` is finished and stays; rounds go on among
 * the others until all are finished, or a round joins nothing.
 *
 * @returns `[count]` communities 0.. without gaps.
 */
export function communities(graph: DistanceGraph, apart: number, random: Random): Int32Array {
  const { modules } = infomap(
    flowGraph(graph.count, {
      from: graph.from,
      to: graph.to,
      weights: graph.distances.map((distance) => 1 / distance),
    }),
    random,
  );
  const next = openCommunities(graph, modules, apart);
  const finished = new Set(modules).size - next.open.size;
  const numbers = new Numbering();
  if (next.open.size === 0 || next.open.size === graph.count) {
    return modules.map((id) => numbers.of(id));
  }
  const joined = communities(next.graph, apart, random);
  // Finished ones come first, then what the open ones have become.
  return modules.map((id) => {
    const node = next.open.get(id);
    return node === undefined ? numbers.of(id) : finished + joined[node];
  });
}

/** The communities that have a link below `apart`, as nodes, and the graph of them. */
function openCommunities(
  { from, to, distances }: DistanceGraph,
  modules: Int32Array,
  apart: number,
): { open: Map<number, number>; graph: DistanceGraph } {
  const open = new Map<number, number>();
  const links: { a: number; b: number; distance: number }[] = [];
  distances.forEach((distance, i) => {
    const a = Math.min(modules[from[i]], modules[to[i]]);
    const b = Math.max(modules[from[i]], modules[to[i]]);
    if (a === b) return;
    links.push({ a, b, distance });
    if (distance >= apart) return;
    for (const id of [a, b]) if (!open.has(id)) open.set(id, open.size);
  });
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { a, b, distance } of links) {
    const u = open.get(a), v = open.get(b);
    if (u === undefined || v === undefined) continue;
    const key = u * open.size + v;
    const entry = sums.get(key) ?? { sum: 0, count: 0 };
    entry.sum += distance;
    entry.count++;
    sums.set(key, entry);
  }
  const keys = [...sums.keys()];
  return {
    open,
    graph: {
      count: open.size,
      from: Int32Array.from(keys, (key) => Math.floor(key / open.size)),
      to: Int32Array.from(keys, (key) => key % open.size),
      distances: Float64Array.from(sums.values(), ({ sum, count }) => sum / count),
    },
  };
}
