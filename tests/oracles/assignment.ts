/** The largest summed gain over all one-to-one assignments of a square matrix, by trying each. */
export function bestGainByBruteForce(gains: readonly (readonly number[])[]): number {
  const visit = (row: number, free: readonly number[]): number =>
    row === gains.length
      ? 0
      : Math.max(...free.map((c) => gains[row][c] + visit(row + 1, free.filter((o) => o !== c))));
  return visit(0, gains.map((_, i) => i));
}
