/**
 * The two-level map equation (Rosvall, Axelsson and Bergstrom 2009) on undirected weighted graphs: how many
 * bits a step of a random walk takes to tell when modules have codebooks of their own.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** Undirected links, each once; the ends may come in any order. */
export interface Links {
  /** `[links]` one end of each. */
  readonly from: Int32Array;
  /** `[links]` the other end. */
  readonly to: Int32Array;
  /** Above 0. */
  readonly weights: Float64Array;
}

/**
 * A graph as a random walk sees it. Flows are shares of all steps: those of all nodes sum to 1. A node
 * may stand for several of a finer graph; steps among those are flow of the node, not of any link.
 */
export interface FlowGraph {
  /** Nodes. */
  readonly count: number;
  /** `[count+1]` where each node's links begin; every link is there twice, from both its ends. */
  readonly offsets: Int32Array;
  /** `[2 links]` the other end of each. */
  readonly neighbours: Int32Array;
  /** Steps over a link in one direction. */
  readonly linkFlows: Float64Array;
  /** How often the walk is at the node. */
  readonly flows: Float64Array;
  /** How often it leaves the node for another one. */
  readonly exits: Float64Array;
}

/** p log2 p, 0 at 0. */
export function plogp(p: number): number {
  return p > 0 ? p * Math.log2(p) : 0;
}

/**
 * The walk on a graph: it is at a node in proportion to the weights of its links (a link to itself counts
 * twice), and goes on in proportion to theirs. Parallel links add up.
 *
 * @throws {ConfigError} when a link leads outside the graph, or weighs nothing or is no number, or there are not as
 * many weights as ends.
 */
export function flowGraph(count: number, { from, to, weights }: Links): FlowGraph {
  if (from.length !== weights.length || to.length !== weights.length) {
    throw new ConfigError(
      `Cannot walk on a graph of ${count} nodes: expected two ends and a weight of each link, ` +
        `got ${from.length} and ${to.length} ends and ${weights.length} weights`,
    );
  }
  let total = 0;
  weights.forEach((weight, i) => {
    const inside = Math.min(from[i], to[i]) >= 0 && Math.max(from[i], to[i]) < count;
    if (!inside || !(weight > 0) || weight === Infinity) {
      throw new ConfigError(
        `Cannot walk on a graph of ${count} nodes: expected links among them of finite weights above 0, ` +
          `got ${from[i]} to ${to[i]} of weight ${weight}`,
      );
    }
    total += 2 * weight;
  });
  const shares = weights.map((weight) => weight / total);
  const flows = new Float64Array(count);
  shares.forEach((share, i) => {
    flows[from[i]] += share;
    flows[to[i]] += share;
  });
  return assemble(count, { from, to, weights: shares }, flows);
}

/**
 * The graph whose nodes are the modules of another one.
 *
 * @param modules `[graph.count]` 0..count-1.
 */
export function aggregate(graph: FlowGraph, modules: Int32Array, count: number): FlowGraph {
  const { offsets, neighbours, linkFlows } = graph;
  const flows = new Float64Array(count);
  const from: number[] = [], to: number[] = [], weights: number[] = [];
  for (let node = 0; node < graph.count; node++) {
    flows[modules[node]] += graph.flows[node];
    for (let k = offsets[node]; k < offsets[node + 1]; k++) {
      const other = neighbours[k];
      if (other < node || modules[other] === modules[node]) continue;
      from.push(modules[node]);
      to.push(modules[other]);
      weights.push(linkFlows[k]);
    }
  }
  const links = {
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    weights: Float64Array.from(weights),
  };
  return assemble(count, links, flows);
}

/**
 * The part of a graph that lies within some of its nodes, as a walk of its own that never leaves them.
 *
 * @param nodes Distinct nodes; the answer numbers them in this order.
 */
export function within(graph: FlowGraph, nodes: readonly number[]): FlowGraph {
  const { offsets, neighbours, linkFlows } = graph;
  const place = new Map(nodes.map((node, i) => [node, i]));
  const from: number[] = [], to: number[] = [], weights: number[] = [];
  nodes.forEach((node, i) => {
    for (let k = offsets[node]; k < offsets[node + 1]; k++) {
      const j = place.get(neighbours[k]);
      if (j === undefined || j <= i) continue;
      from.push(i);
      to.push(j);
      weights.push(linkFlows[k]);
    }
  });
  return flowGraph(nodes.length, {
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    weights: Float64Array.from(weights),
  });
}

/** Sorts links by their ends, joins parallel ones, and leaves out those of a node to itself. */
function assemble(
  count: number,
  { from, to, weights }: Links,
  flows: Float64Array,
): FlowGraph {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < from.length; i++) {
    if (from[i] === to[i]) continue;
    starts[from[i] + 1]++;
    starts[to[i] + 1]++;
  }
  for (let node = 0; node < count; node++) starts[node + 1] += starts[node];
  const ends = new Int32Array(starts[count]), parts = new Float64Array(starts[count]);
  const next = starts.slice();
  const add = (a: number, b: number, weight: number) => {
    ends[next[a]] = b;
    parts[next[a]++] = weight;
  };
  for (let i = 0; i < from.length; i++) {
    if (from[i] === to[i]) continue;
    add(from[i], to[i], weights[i]);
    add(to[i], from[i], weights[i]);
  }
  const offsets = new Int32Array(count + 1), exits = new Float64Array(count);
  const slot = new Int32Array(count).fill(-1);
  let kept = 0;
  for (let node = 0; node < count; node++) {
    for (let k = starts[node]; k < starts[node + 1]; k++) {
      const other = ends[k], weight = parts[k];
      exits[node] += weight;
      if (slot[other] >= offsets[node]) {
        parts[slot[other]] += weight;
        continue;
      }
      slot[other] = kept;
      ends[kept] = other;
      parts[kept++] = weight;
    }
    offsets[node + 1] = kept;
  }
  const [neighbours, linkFlows] = [ends.slice(0, kept), parts.slice(0, kept)];
  return { count, offsets, neighbours, linkFlows, flows, exits };
}

/**
 * Bits per step, L(M) = q H(Q) + sum over modules of p H(P), which for exits q_i and flows p_i of modules
 * and p_a of nodes is
 *
 *     plogp(sum q_i) - 2 sum plogp(q_i) - sum plogp(p_a) + sum plogp(q_i + p_i)
 *
 * One module for all has L = H of the nodes' flows.
 *
 * @param graph One whose nodes are not modules of a finer graph: their own entropy is that of its nodes.
 * @param modules `[count]` ids from 0.
 * @throws {ConfigError} when there is not one for each node.
 */
export function codelength(graph: FlowGraph, modules: Int32Array): number {
  const { count, offsets, neighbours, linkFlows, flows } = graph;
  if (modules.length !== count) {
    throw new ConfigError(
      `Cannot tell a code length: expected the modules of ${count} nodes, got ${modules.length}`,
    );
  }
  const most = modules.reduce((max, id) => Math.max(max, id + 1), 0);
  const exits = new Float64Array(most), inside = new Float64Array(most);
  let ofNodes = 0;
  for (let node = 0; node < count; node++) {
    const own = modules[node];
    ofNodes += plogp(flows[node]);
    inside[own] += flows[node];
    for (let k = offsets[node]; k < offsets[node + 1]; k++) {
      if (modules[neighbours[k]] !== own) exits[own] += linkFlows[k];
    }
  }
  let leaving = 0, ofExits = 0, ofModules = 0;
  for (let id = 0; id < most; id++) {
    leaving += exits[id];
    ofExits += plogp(exits[id]);
    ofModules += plogp(exits[id] + inside[id]);
  }
  return plogp(leaving) - 2 * ofExits - ofNodes + ofModules;
}
