/** Plain arrays with a shape, walked one multi-index at a time. */

export interface Dense {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** Every multi-index of a shape, the last axis fastest. */
export function* places(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) {
    yield [];
    return;
  }
  for (let first = 0; first < shape[0]; first++) {
    for (const rest of places(shape.slice(1))) yield [first, ...rest];
  }
}

/** The element at a multi-index; axes of extent 1 and missing leading axes repeat. */
export function at({ shape, values }: Dense, place: readonly number[]): number {
  const own = place.slice(place.length - shape.length);
  return values[own.reduce((flat, index, axis) => flat * shape[axis] + index % shape[axis], 0)];
}

/** The array whose element at each multi-index is f of it. */
export function build(shape: readonly number[], f: (place: number[]) => number): Dense {
  return { shape, values: Float64Array.from(places(shape), f) };
}

/** f of the two elements that meet at each place of the broadcast shape. */
export function broadcast(a: Dense, b: Dense, f: (x: number, y: number) => number): Dense {
  const rank = Math.max(a.shape.length, b.shape.length);
  const extent = ({ shape }: Dense, axis: number) => shape[axis - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [extent(a, axis), extent(b, axis)];
    return x === 1 ? y : x;
  });
  return build(shape, (place) => f(at(a, place), at(b, place)));
}

/** f of all elements that differ in the given axes alone; those axes go, or stay with extent 1. */
export function along(
  x: Dense,
  axes: readonly number[],
  f: (values: number[]) => number,
  keep = false,
): Dense {
  const kept = x.shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
  const groups = new Map([...places(kept)].map((place) => [place.join(), [] as number[]]));
  for (const place of places(x.shape)) {
    const key = place.map((index, axis) => axes.includes(axis) ? 0 : index).join();
    groups.get(key)!.push(at(x, place));
  }
  const shape = keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return { shape, values: [...groups.values()].map(f) };
}

/** The gradient of sum(dy * f(x)) in x by central differences. */
export function differences(f: (x: Dense) => Dense, x: Dense, dy: Dense, step = 1e-5): Dense {
  const loss = (values: ArrayLike<number>) => {
    const y = f({ shape: x.shape, values }).values;
    let sum = 0;
    for (let i = 0; i < y.length; i++) sum += y[i] * dy.values[i];
    return sum;
  };
  const values = Float64Array.from(x.values, (value, i) => {
    const moved = Float64Array.from(x.values);
    moved[i] = value + step;
    const above = loss(moved);
    moved[i] = value - step;
    return (above - loss(moved)) / (2 * step);
  });
  return { shape: x.shape, values };
}
