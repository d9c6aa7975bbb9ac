/**
 * In what order and in which parts the prototype loss goes through its samples, worked out on the host,
 * which knows the groups.
 *
 * @module
 */

/** Rows that one invocation adds up: as many as lose no digits, and enough to be worth it. */
export const PIECE_ROWS = 32;

/** Whole groups of samples, whose scores are in memory together. Its rows are sorted by group. */
export interface Chunk {
  /** `[rows]` the slot of each row. */
  readonly slots: Int32Array<ArrayBuffer>;
  /** So many rows, the first ones, are samples; those after them are empty slots. */
  readonly present: number;
  /**
   * `[pieces,4]` rows of one group: the first, the one after the last, the place of the group among
   * {@linkcode longGroups} or -1, and the group's size; the size is 0 of empty slots.
   */
  readonly pieces: Int32Array<ArrayBuffer>;
  /** `[n,2]` rows [first, last) of the pieces of groups that are longer than one piece. */
  readonly longPieces: Int32Array<ArrayBuffer>;
  /** `[n,3]` pieces [first, last) of such a group, and its size. */
  readonly longGroups: Int32Array<ArrayBuffer>;
}

/**
 * Cuts sorted samples into chunks of about the same size.
 *
 * @param groups `[N]` group 0..groupCount-1 of each slot, below 0 in empty ones.
 * @param limit Rows of a chunk at most, save for a group that is larger and has one to itself.
 */
export function planChunks(groups: Int32Array, groupCount: number, limit: number): Chunk[] {
  const { slots, bounds } = sortSlots(groups, groupCount);
  const chunks: Chunk[] = [];
  let begin = 0, group = 0;
  for (const end of chunkEnds(bounds, groups.length, limit)) {
    const own: number[] = [];
    for (; group < groupCount && bounds[group + 1] <= end; group++) {
      if (bounds[group + 1] > bounds[group]) own.push(bounds[group + 1] - begin);
    }
    chunks.push(chunkOf(slots.slice(begin, end), own));
    begin = end;
  }
  return chunks;
}

/** Slots by group and empty ones last (counting sort); group g has `bounds[g]` to before `bounds[g + 1]`. */
function sortSlots(groups: Int32Array, groupCount: number) {
  const bounds = new Int32Array(groupCount + 1);
  for (const group of groups) if (group >= 0) bounds[group + 1]++;
  for (let group = 0; group < groupCount; group++) bounds[group + 1] += bounds[group];
  const next = bounds.slice();
  const slots = new Int32Array(groups.length);
  groups.forEach((group, slot) => slots[next[group < 0 ? groupCount : group]++] = slot);
  return { slots, bounds };
}

/** Where chunks end: at borders of groups, or anywhere among empty slots. */
function chunkEnds(bounds: Int32Array, rows: number, limit: number): number[] {
  const share = Math.ceil(rows / Math.ceil(rows / limit));
  const ends: number[] = [];
  let begin = 0, last = 0;
  const border = (row: number) => {
    if (row - begin > limit && last > begin) ends.push(begin = last);
    if (row - begin >= share) ends.push(begin = row);
    last = row;
  };
  for (const bound of bounds) border(bound);
  for (let row = bounds[bounds.length - 1] + 1; row <= rows; row++) border(row);
  if (begin < rows) ends.push(rows);
  return ends;
}

/** @param ends Where the chunk's groups end, none of them empty. */
function chunkOf(slots: Int32Array<ArrayBuffer>, ends: readonly number[]): Chunk {
  const pieces: number[] = [], longPieces: number[] = [], longGroups: number[] = [];
  let begin = 0;
  for (const end of ends) {
    const size = end - begin, count = Math.ceil(size / PIECE_ROWS);
    const place = count > 1 ? longGroups.length / 3 : -1;
    if (count > 1) longGroups.push(longPieces.length / 2, longPieces.length / 2 + count, size);
    for (const [first, last] of pieceRows(begin, end)) {
      pieces.push(first, last, place, size);
      if (count > 1) longPieces.push(first, last);
    }
    begin = end;
  }
  for (const [first, last] of pieceRows(begin, slots.length)) pieces.push(first, last, -1, 0);
  return {
    slots,
    present: begin,
    pieces: Int32Array.from(pieces),
    longPieces: Int32Array.from(longPieces),
    longGroups: Int32Array.from(longGroups),
  };
}

/** Rows [begin, end) in as few pieces as there can be. */
function* pieceRows(begin: number, end: number): Generator<[number, number]> {
  for (let row = begin; row < end; row += PIECE_ROWS) yield [row, Math.min(end, row + PIECE_ROWS)];
}
