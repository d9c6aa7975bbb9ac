/**
 * How blocks read the operands of a product of matrices.
 *
 * @module
 */

import { each } from "./matrix_tile.ts";

/** Of a product, its left and right side; also the name of the buffer. */
export type OperandName = "a" | "b";

/**
 * How an operand is read, as WGSL. A vector of four lies along K on one line (a row of A, a column of B), or
 * across four lines at one step of K. Names end in the number of the line or step.
 */
export interface Operand {
  readonly along: boolean;
  /** What stays for all of K. @param at The line, or the first of four; may lie beyond the last. */
  line(number: number, at: string): string;
  /** Declares what is carried from step to step. @param k The first step, or the first of four. */
  start?(number: number, k: string): string;
  /** What all lines share at a step, from what is carried. */
  step?(number: number): string;
  /** Carries it {@linkcode Block.depth} steps on. */
  advance?(number: number): string;
  /** Sets `target`, 0 so far, where `k` is below `end`; later ones of four steps may not be. */
  read(target: string, line: number, step: number, k: string): string;
}

/**
 * A matrix `[lines, depth]`, as A is, or B transposed.
 *
 * @param vector Whether the depth is whole vectors of four, and the buffer holds such.
 */
export function alongMatrix(
  name: OperandName,
  { base, lines, depth, vector }: {
    readonly base: string;
    readonly lines: string;
    readonly depth: string;
    readonly vector: boolean;
  },
): Operand {
  return {
    along: true,
    line: (i, at) => `let line_${name}${i} = ${base} + min(${at}, ${lines} - 1) * ${depth};`,
    read: (target, i, _, k) =>
      vector ? `${target} = ${name}[(line_${name}${i} + ${k}) / 4];` : each(
        4,
        (q) =>
          `if (${k} + ${q}u < end) { ${target}[${q}] = ${name}[line_${name}${i} + ${k} + ${q}u]; }`,
      ),
  };
}

/** A matrix `[depth, lines]`, as B is, or A transposed. @param vector Of its lines. */
export function acrossMatrix(
  name: OperandName,
  { base, lines, vector }: {
    readonly base: string;
    readonly lines: string;
    readonly vector: boolean;
  },
): Operand {
  return {
    along: false,
    line: (_, at) =>
      vector
        ? `let line_${name} = ${base} + min(${at}, ${lines} - 4);`
        : each(4, (q) => `let line_${name}${q} = ${base} + min(${at} + ${q}u, ${lines} - 1);`),
    read: (target, _line, _step, k) =>
      vector ? `${target} = ${name}[(line_${name} + ${k} * ${lines}) / 4];` : each(
        4,
        (q) => `${target}[${q}] = ${name}[line_${name}${q} + ${k} * ${lines}];`,
      ),
  };
}
