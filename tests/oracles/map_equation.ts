/** The map equation as its paper states it, with entropies of codebooks, on a full matrix of weights. */
export function plainCodelength(
  weights: readonly (readonly number[])[],
  modules: readonly number[],
): number {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = sum(weights.map(sum));
  const visits = weights.map((row) => sum(row) / total);
  const entropy = (rates: readonly number[]) => {
    const all = sum(rates);
    return -sum(rates.filter((rate) => rate > 0).map((rate) => rate / all * Math.log2(rate / all)));
  };
  const ids = [...new Set(modules)];
  const exits = ids.map((id) =>
    sum(
      weights.flatMap((row, a) =>
        row.map((weight, b) => modules[a] === id && modules[b] !== id ? weight / total : 0)
      ),
    )
  );
  const index = sum(exits) > 0 ? sum(exits) * entropy(exits) : 0;
  return index + sum(ids.map((id, i) => {
    const book = [exits[i], ...visits.filter((_, node) => modules[node] === id)];
    return sum(book) > 0 ? sum(book) * entropy(book) : 0;
  }));
}
