/**
 * Sinkhorn as SwAV states it, on numbers and loops: the whole matrix is divided by its sum, then in
 * turn every prototype (column) is given the same share and every sample (row) the same share.
 */
export function sinkhornByLoops(
  scores: readonly (readonly number[])[],
  epsilon: number,
  iterations: number,
): number[][] {
  const q = scores.map((row) => row.map((s) => Math.exp(s / epsilon)));
  const total = q.flat().reduce((a, b) => a + b, 0);
  for (const row of q) row.forEach((_, k) => row[k] /= total);
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (let k = 0; k < q[0].length; k++) {
      let share = 0;
      for (const row of q) share += row[k];
      for (const row of q) row[k] /= share * q[0].length;
    }
    for (const row of q) {
      const share = row.reduce((a, b) => a + b, 0);
      row.forEach((_, k) => row[k] /= share * q.length);
    }
  }
  for (const row of q) row.forEach((_, k) => row[k] *= q.length);
  return q;
}
