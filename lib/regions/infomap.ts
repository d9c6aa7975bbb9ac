/**
 * Infomap: the search for the modules that make the map equation's code shortest.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { aggregate, codelength, type FlowGraph, plogp, within } from "./map_equation.ts";
import { Numbering } from "./numbering.ts";

/** Modules of a graph. */
export interface Partition {
  /** `[nodes]` 0..count-1, in order of their first nodes. */
  readonly modules: Int32Array;
  /** Modules. */
  readonly count: number;
  /** Bits per step. */
  readonly codelength: number;
}

/** Less than this many bits is no gain: sums of rounded logarithms differ by as much. */
const LEAST_GAIN = 1e-10;
/** Refinement ends when a round of each kind in a row shortens the code by less than this share. */
export const LEAST_REFINEMENT = 1e-4;
/** Rounds of refinement, at most. */
const MOST_ROUNDS = 20;

/**
 * Two-level search (Rosvall, Axelsson and Bergstrom 2009; Rosvall and Bergstrom 2010, appendix): nodes move
 * in random order to the neighbouring module that shortens the code most, until none does; modules
 * become nodes, and it goes on. Then, in turns, single nodes and submodules (each module's own best
 * partition) move again from where they are, until neither helps.
 *
 * The answer depends on the graph and the stream alone. It is never longer than one module for all.
 */
export function infomap(graph: FlowGraph, random: Random): Partition {
  const single = oneModule(graph);
  if (graph.count < 2 || graph.neighbours.length === 0) return separate(graph, single);
  let best = greedy(graph, identity(graph.count), identity(graph.count), random);
  let length = codelength(graph, best);
  for (let round = 0, idle = 0; round < MOST_ROUNDS && idle < 2; round++) {
    const units = round % 2 === 0 ? identity(graph.count) : submodules(graph, best, random);
    const refined = greedy(graph, units, startOf(units, best), random);
    const refinedLength = codelength(graph, refined);
    idle = length - refinedLength > LEAST_REFINEMENT * length ? 0 : idle + 1;
    if (refinedLength < length) [best, length] = [refined, refinedLength];
  }
  if (single.codelength <= length) return single;
  return { ...renumber(best), codelength: length };
}

/** A graph without any step: nothing tells its nodes together. */
function separate(graph: FlowGraph, single: Partition): Partition {
  if (graph.count < 2) return single;
  return { modules: identity(graph.count), count: graph.count, codelength: single.codelength };
}

function oneModule(graph: FlowGraph): Partition {
  const modules = new Int32Array(graph.count);
  return { modules, count: Math.min(1, graph.count), codelength: codelength(graph, modules) };
}

function identity(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** The module of each unit, when every unit lies in one module. */
function startOf(units: Int32Array, modules: Int32Array): Int32Array {
  const start = new Int32Array(units.reduce((most, unit) => Math.max(most, unit + 1), 0));
  units.forEach((unit, node) => start[unit] = modules[node]);
  return start;
}

/** Every module's own best partition, as units that are numbered through. */
function submodules(graph: FlowGraph, modules: Int32Array, random: Random): Int32Array {
  const members: number[][] = [];
  modules.forEach((id, node) => (members[id] ??= []).push(node));
  const units = new Int32Array(graph.count);
  let next = 0;
  for (const nodes of members) {
    if (!nodes) continue;
    const part = within(graph, nodes);
    const start = identity(part.count);
    const own = part.neighbours.length === 0
      ? { modules: start, count: part.count }
      : renumber(greedy(part, start, start, random));
    nodes.forEach((node, i) => units[node] = next + own.modules[i]);
    next += own.count;
  }
  return units;
}

/**
 * Moves units, then the modules that they form, then those of these, until nothing moves.
 *
 * @param units `[nodes]` what moves as one, 0.. without gaps; `start` has the module of each, below their number.
 * @returns `[nodes]` modules.
 */
function greedy(
  graph: FlowGraph,
  units: Int32Array,
  start: Int32Array,
  random: Random,
): Int32Array {
  let level = units.every((unit, node) => unit === node)
    ? graph
    : aggregate(graph, units, start.length);
  let place = units, modules = start;
  for (;;) {
    const moved = moveNodes(level, modules, random);
    const { modules: packed, count } = renumber(moved);
    place = place.map((unit) => packed[unit]);
    if (count === level.count) return place;
    level = aggregate(level, packed, count);
    modules = identity(count);
  }
}

/** The core loop on one level: passes over all nodes whose surroundings have changed, until none moves. */
function moveNodes(graph: FlowGraph, start: Int32Array, random: Random): Int32Array {
  const { count, offsets, neighbours, linkFlows, flows, exits } = graph;
  const state = new Modules(graph, start);
  const { modules } = state;
  const towards = new Float64Array(count);
  const near: number[] = [];
  const order = Array.from({ length: count }, (_, i) => i);
  const stale = new Uint8Array(count).fill(1);
  for (let moves = 1; moves > 0;) {
    moves = 0;
    for (const node of random.shuffle(order)) {
      if (!stale[node]) continue;
      stale[node] = 0;
      const own = modules[node];
      for (let k = offsets[node]; k < offsets[node + 1]; k++) {
        const id = modules[neighbours[k]];
        if (towards[id] === 0) near.push(id);
        towards[id] += linkFlows[k];
      }
      const target = state.best(own, near, towards, flows[node], exits[node]);
      if (target !== own) {
        state.move(node, target, towards[own], towards[target]);
        for (let k = offsets[node]; k < offsets[node + 1]; k++) stale[neighbours[k]] = 1;
        moves++;
      }
      for (const id of near) towards[id] = 0;
      near.length = 0;
    }
  }
  return modules;
}

/** Exits and flows of modules while nodes move among them. */
class Modules {
  readonly modules: Int32Array;
  readonly #graph: FlowGraph;
  readonly #exits: Float64Array;
  readonly #flows: Float64Array;
  readonly #sizes: Int32Array;
  readonly #empty: number[] = [];
  #leaving = 0;

  constructor(graph: FlowGraph, start: Int32Array) {
    const { count, offsets, neighbours, linkFlows, flows } = graph;
    this.#graph = graph;
    this.modules = start.slice();
    this.#exits = new Float64Array(count);
    this.#flows = new Float64Array(count);
    this.#sizes = new Int32Array(count);
    for (let node = 0; node < count; node++) {
      const own = start[node];
      this.#sizes[own]++;
      this.#flows[own] += flows[node];
      for (let k = offsets[node]; k < offsets[node + 1]; k++) {
        if (start[neighbours[k]] !== own) this.#exits[own] += linkFlows[k];
      }
    }
    for (const exit of this.#exits) this.#leaving += exit;
    for (let id = count - 1; id >= 0; id--) if (this.#sizes[id] === 0) this.#empty.push(id);
  }

  /**
   * The module, of those near or an empty one, to which a move shortens the code most; `own` where none does.
   *
   * @param towards Flow from the node into each module near, itself left out.
   */
  best(
    own: number,
    near: readonly number[],
    towards: Float64Array,
    flow: number,
    exit: number,
  ): number {
    const ownExit = this.#exits[own], ownFlow = this.#flows[own];
    const left = ownExit - exit + 2 * towards[own], leftFlow = ownFlow - flow;
    // What changes with the target alone is added in the loop.
    const base = 2 * (plogp(ownExit) - plogp(left)) - plogp(ownExit + ownFlow) +
      plogp(left + leftFlow) - plogp(this.#leaving);
    let target = own, least = -LEAST_GAIN;
    const tryModule = (id: number, into: number) => {
      const before = this.#exits[id], beforeFlow = this.#flows[id];
      const after = before + exit - 2 * into;
      const leaving = this.#leaving - ownExit - before + left + after;
      const change = base + plogp(leaving) + 2 * (plogp(before) - plogp(after)) -
        plogp(before + beforeFlow) + plogp(after + beforeFlow + flow);
      if (change < least) [target, least] = [id, change];
    };
    for (const id of near) if (id !== own) tryModule(id, towards[id]);
    if (this.#sizes[own] > 1 && this.#empty.length > 0) tryModule(this.#empty.at(-1)!, 0);
    return target;
  }

  /** Moves a node whose flows into its own and into the target module are given. */
  move(node: number, target: number, intoOwn: number, intoTarget: number): void {
    const own = this.modules[node];
    const { flows, exits } = this.#graph;
    const before = this.#exits[own] + this.#exits[target];
    this.#exits[own] += 2 * intoOwn - exits[node];
    this.#exits[target] += exits[node] - 2 * intoTarget;
    this.#leaving += this.#exits[own] + this.#exits[target] - before;
    this.#flows[own] -= flows[node];
    this.#flows[target] += flows[node];
    if (this.#sizes[target]++ === 0) this.#empty.pop();
    if (--this.#sizes[own] === 0) {
      this.#empty.push(own);
      // Exactly 0 again, whatever was lost to rounding.
      this.#exits[own] = this.#flows[own] = 0;
    }
    this.modules[node] = target;
  }
}

function renumber(modules: Int32Array): { modules: Int32Array; count: number } {
  const numbers = new Numbering();
  return { modules: modules.map((id) => numbers.of(id)), count: numbers.count };
}
