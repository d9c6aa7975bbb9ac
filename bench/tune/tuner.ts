/**
 * Tries blocks on shapes and remembers what each took.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../../lib/engine/webgpu/backend.ts";
import { planBlock } from "../../lib/engine/webgpu/kernels/matmul/block_tile.ts";
import { type Block, type Choice, fitting, type Tiles } from "../../lib/engine/webgpu/tiles.ts";
import { CANDIDATES, GROUPS, nameOf } from "./candidates.ts";
import type { Case } from "./cases.ts";
import type { GpuClock } from "./clock.ts";
import { agrees, operandsOf, secondsOf, useTiles } from "./measure.ts";

/** Blocks of one size that shapes are tried with. */
const KEPT = 2;

/** What was tried on a shape, and how long that took in all the kernels of that shape. */
interface Trial {
  readonly choice: Choice;
  seconds: number;
  cases: number;
}

/** Settings of {@linkcode Tuner}. */
export interface TunerOptions {
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  readonly limits: GPUSupportedLimits;
  /** TFLOP/s that the GPU could do, or 0. */
  readonly peak: number;
}

/** See the module's comment. */
export class Tuner {
  /** Cases and blocks whose results were not those without blocks. */
  readonly wrong: string[] = [];
  /** TFLOP/s of the large products. */
  readonly fastest: Record<string, number> = {};
  readonly #backend: WebGpuBackend;
  readonly #clock: GpuClock;
  readonly #options: TunerOptions;
  readonly #trials = new Map<string, Map<string, Trial>>();
  #candidates: readonly Block[];

  constructor(backend: WebGpuBackend, clock: GpuClock, options: TunerOptions) {
    this.#backend = backend;
    this.#clock = clock;
    this.#options = options;
    const all = CANDIDATES.map((block): Choice => (
      { kind: "product", rows: 1, columns: 1, depth: 1, block, groups: 0 }
    ));
    this.#candidates = fitting({ ...backend.tiles, choices: all }, options.limits).choices
      .map(({ block }) => block!);
  }

  /** Tries all blocks on a few shapes, and keeps the fastest of each size. */
  async preselect(cases: readonly Case[]): Promise<void> {
    const relative = new Map<Block, number>();
    for (const one of cases) {
      const taken = await this.tune(one);
      const best = Math.min(...taken.values());
      for (const [block, seconds] of taken) {
        const name = nameOf(block);
        console.error(`  ${(one.operations / seconds / 1e12).toFixed(2)} TFLOP/s by ${name}`);
        if (block) relative.set(block, (relative.get(block) ?? 0) + seconds / best);
      }
      this.fastest[one.name] = one.operations / best / 1e12;
    }
    const sizes = Map.groupBy(relative.keys(), ({ rows, columns }) => rows * columns);
    const kept = [...sizes.values()].flatMap((blocks) =>
      blocks.sort((a, b) => relative.get(a)! - relative.get(b)!).slice(0, KEPT)
    );
    this.#candidates = this.#candidates.filter((block) => kept.includes(block));
    console.error(`kept: ${this.#candidates.map(nameOf).join(", ")}`);
  }

  /** Tries what suits one shape: the fewest seconds of each block, with whole sums or in parts. */
  async tune(one: Case): Promise<Map<Block | undefined, number>> {
    const operands = operandsOf(one);
    const taken = new Map<Block | undefined, number>();
    this.#choose(one, undefined, 0);
    const expected = one.run(operands);
    try {
      const blocks = this.#candidates.filter((block) =>
        block.rows < 2 * one.rows && block.columns < 2 * Math.max(16, one.columns)
      );
      for (const block of [...blocks, undefined]) {
        if (performance.now() > this.#options.deadline) break;
        const seconds = await this.#try(one, operands, expected, taken, block, 0);
        if (seconds !== undefined) taken.set(block, seconds);
      }
      const ordered = [...taken].sort(([, a], [, b]) => a - b);
      for (const [block] of ordered.filter(([block]) => block).slice(0, 2)) {
        const tried = new Set([1]);
        for (const groups of GROUPS.slice(1)) {
          const parts = this.#choose(one, block, groups);
          if (tried.has(parts) || performance.now() > this.#options.deadline) continue;
          tried.add(parts);
          const seconds = await this.#try(one, operands, expected, taken, block, groups);
          if (seconds !== undefined) taken.set(block, Math.min(seconds, taken.get(block)!));
        }
      }
    } finally {
      tf.dispose([operands, expected]);
    }
    this.#report(one, taken);
    return taken;
  }

  /** The fastest of each shape, kinds in order. */
  choices(): Choice[] {
    return [...this.#trials.values()].flatMap((trials) => {
      const most = Math.max(...[...trials.values()].map(({ cases }) => cases));
      const complete = [...trials.values()].filter(({ cases }) => cases === most);
      return complete.sort((a, b) => a.seconds - b.seconds).slice(0, 1).map(({ choice }) => choice);
    }).sort((a, b) =>
      a.kind.localeCompare(b.kind) || a.rows - b.rows || a.columns - b.columns || a.depth - b.depth
    );
  }

  async #try(
    one: Case,
    operands: Record<string, tf.Tensor>,
    expected: tf.Tensor,
    taken: ReadonlyMap<Block | undefined, number>,
    block: Block | undefined,
    groups: number,
  ): Promise<number | undefined> {
    this.#choose(one, block, groups);
    if (block && !await agrees(one.run(operands), expected)) {
      this.wrong.push(`${one.name} by ${nameOf(block)}`);
      console.error(`${one.name}: WRONG by ${nameOf(block)}`);
      return undefined;
    }
    const best = Math.min(...taken.values());
    const seconds = await secondsOf(this.#backend, this.#clock, one, operands, best);
    this.#remember(one, block, groups, seconds);
    return seconds;
  }

  #remember(
    { kind, rows, columns, depth }: Case,
    block: Block | undefined,
    groups: number,
    seconds: number,
  ): void {
    const shape = [kind, rows, columns, depth].join();
    let trials = this.#trials.get(shape);
    if (!trials) this.#trials.set(shape, trials = new Map());
    const key = `${nameOf(block)} ${groups}`;
    let trial = trials.get(key);
    if (!trial) {
      const choice = { kind, rows, columns, depth, block, groups };
      trials.set(key, trial = { choice, seconds: 0, cases: 0 });
    }
    trial.seconds += seconds;
    trial.cases++;
  }

  /** Makes the engine take this block for everything. Returns the parts in which sums are cut. */
  #choose(one: Case, block: Block | undefined, groups: number): number {
    const { kind, rows, columns, depth, phases } = one;
    const tiles: Tiles = {
      ...this.#backend.tiles,
      choices: block ? [{ kind, rows, columns, depth, block, groups }] : [],
      winograd: undefined,
    };
    useTiles(this.#backend, tiles);
    return planBlock(this.#backend, kind, [rows, columns, depth], phases)?.parts ?? 1;
  }

  #report(one: Case, taken: ReadonlyMap<Block | undefined, number>): void {
    const [best] = [...taken].sort(([, a], [, b]) => a - b);
    if (!best) return;
    const [block, seconds] = best;
    const speed = (seconds: number) => {
      const teraflops = one.operations / seconds / 1e12;
      const share = 100 * teraflops / this.#options.peak;
      return `${teraflops.toFixed(2)} TFLOP/s` +
        (this.#options.peak ? `, ${share.toFixed(0)}% of the peak` : "");
    };
    const registers = taken.get(undefined);
    console.error(
      `${one.name}: ${(1e3 * seconds).toFixed(3)} ms, ${speed(seconds)} by ${nameOf(block)}` +
        (registers && block ? `; by registers ${(1e3 * registers).toFixed(3)} ms` : ""),
    );
  }
}
