/** Areas, boxes, sums and shared borders of labelled pixels, label by label over the whole map. */
export function measureByLoops(
  labels: Int32Array,
  count: number,
  height: number,
  width: number,
  { values, points }: { values?: Float32Array; points?: Float32Array },
) {
  const pixels = Array.from(
    labels,
    (label, i) => ({ label, i, y: Math.floor(i / width), x: i % width }),
  );
  const components = Array.from({ length: count }, (_, k) => {
    const own = pixels.filter(({ label }) => label === k);
    if (own.length === 0) {
      return { area: 0, top: 0, left: 0, bottom: 0, right: 0, sums: [0, 0, 0, 0] };
    }
    const ys = own.map(({ y }) => y), xs = own.map(({ x }) => x);
    const sum = (read: (i: number) => number) => own.reduce((total, { i }) => total + read(i), 0);
    return {
      area: own.length,
      top: ys.reduce((a, b) => Math.min(a, b)),
      left: xs.reduce((a, b) => Math.min(a, b)),
      bottom: ys.reduce((a, b) => Math.max(a, b)) + 1,
      right: xs.reduce((a, b) => Math.max(a, b)) + 1,
      sums: [
        sum((i) => values?.[i] ?? 0),
        ...[0, 1, 2].map((c) => sum((i) => points?.[3 * i + c] ?? 0)),
      ],
    };
  });
  const borders: { low: number; high: number; length: number }[] = [];
  for (let low = 0; low < count; low++) {
    for (let high = low + 1; high < count; high++) {
      const meets = (a: number, b: number) =>
        (a === low && b === high) || (a === high && b === low) ? 1 : 0;
      let length = 0;
      for (const { label, i, y, x } of pixels) {
        if (x + 1 < width) length += meets(label, labels[i + 1]);
        if (y + 1 < height) length += meets(label, labels[i + width]);
      }
      if (length > 0) borders.push({ low, high, length });
    }
  }
  return { components, borders };
}
