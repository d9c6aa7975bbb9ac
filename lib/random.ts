/**
 * Seeded random streams. A stream is derived from a seed and any number of keys, by habit
 * `(seed, stage, step)`, so that a run that resumes at step 700 draws what an undisturbed run would
 * have drawn there, and no stage disturbs another.
 *
 * @module
 */

/** A source of random numbers: small fast counter generator "sfc32" (C. Doty-Humphrey, PractRand). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Use {@linkcode randomStream}; the three words are its hashed key. */
  constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** A uniform number in [low, high), [0, 1) by default. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 4294967296);
  }

  /** A uniform integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** A normal number (Box and Muller), mean 0 and deviation 1 by default. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)];
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [values[i], values[j]] = [values[j], values[i]];
    }
    return values;
  }
}

/**
 * The stream of a seed and its keys. Equal arguments give equal streams; streams of different keys
 * are independent for every practical purpose (keys are hashed with 32-bit FNV-1a and a finaliser).
 *
 * @example
 * ```ts
 * import { randomStream } from "@cpcdr/cpcdr";
 * const random = randomStream(7, "mix", 120);
 * random.uniform(0.2, 2);
 * ```
 */
export function randomStream(seed: number, ...keys: readonly (string | number)[]): Random {
  const text = [seed, ...keys].join("\u0000");
  return new Random(hash(text, 0x811c9dc5), hash(text, 0x01234567), hash(text, 0x5bd1e995));
}

function hash(text: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
