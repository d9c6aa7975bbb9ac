/**
 * Checks of what callers hand in: arrays that kernels take for plain memory, and settings.
 *
 * @module
 */

import { ConfigError, type CpcdrError, DataError } from "./errors.ts";

type Maker = new (length: number) => ArrayLike<number>;

/**
 * Refuses an array that is not of the very type and length. Kernels read and write as much as sizes say, of the
 * elements that they know: past the end of an array of any other kind.
 *
 * @param task what cannot be done with it, such as `mix images`.
 * @param name what it is, with the size that tells its length.
 * @param types one of them.
 * @param Fault the class of the error.
 */
export function checkArray(
  task: string,
  name: string,
  array: unknown,
  types: Maker | readonly Maker[],
  length: number,
  Fault: new (message: string) => CpcdrError = DataError,
): void {
  const known = [types].flat();
  if (known.some((type) => array instanceof type && array.length === length)) return;
  const expected = known.map((type) => `${type.name}(${length})`).join(" or ");
  throw new Fault(`Cannot ${task}: expected ${expected} as ${name}, got ${kindOf(array)}`);
}

/**
 * Refuses a size of which a side is no whole number of at least `least`.
 *
 * @param name what is of that size.
 */
export function checkSize(
  task: string,
  name: string,
  sides: readonly number[],
  least: number,
  Fault: new (message: string) => CpcdrError = DataError,
): void {
  if (sides.every((side) => Number.isSafeInteger(side) && side >= least)) return;
  throw new Fault(
    `Cannot ${task}: expected whole numbers from ${least} as the size of ${name}, got ${
      sides.join(" x ")
    }`,
  );
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const name = value.constructor?.name ?? "an object";
  return "length" in value ? `${name}(${value.length})` : name;
}

/** Checks of one stage's settings; each throws a {@linkcode ConfigError} that names the setting. */
export class SettingChecks {
  readonly #stage: string;

  /** @param stage the word before `setting`. */
  constructor(stage: string) {
    this.#stage = stage;
  }

  /** One of a list. */
  oneOf(name: string, value: unknown, choices: readonly unknown[]): void {
    const last = choices.length - 1;
    const list = last < 1 ? choices[0] : `${choices.slice(0, last).join(", ")} or ${choices[last]}`;
    this.require(name, value, choices.includes(value), `${list}`);
  }

  /** A number within bounds, both allowed. */
  within(name: string, value: number, least: number, most = Infinity): void {
    const expected = most === Infinity ? `a number from ${least}` : `${least} to ${most}`;
    this.require(name, value, value >= least && value <= most, expected);
  }

  /** A finite number above 0. */
  positive(name: string, value: number): void {
    this.require(name, value, value > 0 && value < Infinity, "a number above 0");
  }

  /** A whole number of at least `least`. */
  whole(name: string, value: number, least: number): void {
    const holds = Number.isSafeInteger(value) && value >= least;
    this.require(name, value, holds, `a whole number from ${least}`);
  }

  /** Anything else. */
  require(name: string, value: unknown, holds: boolean, expected: string): void {
    if (holds) return;
    throw new ConfigError(
      `Cannot use ${this.#stage} setting ${name}: expected ${expected}, got ${value}`,
    );
  }
}
