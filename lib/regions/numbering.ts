/**
 * Numbers for names, and leaders of groups that merge.
 *
 * @module
 */

/** Numbers names 0, 1, 2, ... in the order in which they are first asked for. */
export class Numbering {
  readonly #numbers = new Map<number, number>();

  /** Names so far. */
  get count(): number {
    return this.#numbers.size;
  }

  /** The number of a name. */
  of(name: number): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const next = this.#numbers.size;
    this.#numbers.set(name, next);
    return next;
  }
}

/**
 * The leader of a group's member, each of which knows one that is nearer to the leader, who knows itself. Halves the
 * path on its way.
 */
export function leaderOf(leaders: Int32Array, member: number): number {
  while (leaders[member] !== member) {
    member = leaders[member] = leaders[leaders[member]];
  }
  return member;
}
