/**
 * How tensors of different shapes are walked together, for every kernel that broadcasts or copies.
 *
 * @module
 */

/** Elements from one axis's index to the next, of a dense array. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Strides by which an array of a smaller shape is walked along a larger one: 0 where it stands still. */
export function broadcastStrides(shape: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return to.map((_, axis) => {
    const own = axis - to.length + shape.length;
    return own < 0 || shape[own] === 1 ? 0 : strides[own];
  });
}

/** A walk over an index space, with the steps that each of several arrays takes along it. */
export interface Walk {
  readonly extents: readonly number[];
  /** One list for each array, as long as the extents. */
  readonly strides: readonly (readonly number[])[];
}

/** The same walk with as few axes as do: neighbours that every array walks evenly become one. */
export function mergeAxes({ extents, strides }: Walk): Walk {
  const merged: number[] = [];
  const steps = strides.map((): number[] => []);
  extents.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = merged.length - 1;
    const even = last >= 0 &&
      strides.every((own, k) => steps[k][last] === own[axis] * extent);
    if (even) {
      merged[last] *= extent;
      strides.forEach((own, k) => steps[k][last] = own[axis]);
    } else {
      merged.push(extent);
      strides.forEach((own, k) => steps[k].push(own[axis]));
    }
  });
  if (merged.length === 0) return { extents: [1], strides: strides.map(() => [0]) };
  return { extents: merged, strides: steps };
}

/**
 * WGSL that turns the flat index `i` of a walk of this rank into positions: `at_<name>` for each
 * array. Extents are the uniforms `extent_1` and so on (the first is not needed), strides
 * `<name>_0` and so on.
 */
export function positions(rank: number, names: readonly string[]): string {
  const lines = [`var rest = i;`, ...names.map((name) => `var at_${name} = 0i;`)];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const index = axis === 0 ? "rest" : `rest % u.extent_${axis}`;
    lines.push(`{ let k = i32(${index});`);
    for (const name of names) lines.push(`  at_${name} += k * u.${name}_${axis};`);
    if (axis > 0) lines.push(`  rest /= u.extent_${axis};`);
    lines.push("}");
  }
  return lines.join("\n  ");
}

/** The uniforms that {@linkcode positions} reads: their types. */
export function positionUniforms(rank: number, names: readonly string[]) {
  const uniforms: Record<string, "u32" | "i32"> = {};
  for (let axis = 0; axis < rank; axis++) {
    if (axis > 0) uniforms[`extent_${axis}`] = "u32";
    for (const name of names) uniforms[`${name}_${axis}`] = "i32";
  }
  return uniforms;
}

/** The uniforms that {@linkcode positions} reads: their values. */
export function positionValues(
  { extents, strides }: Walk,
  names: readonly string[],
): Record<string, number> {
  const values: Record<string, number> = {};
  extents.forEach((extent, axis) => {
    if (axis > 0) values[`extent_${axis}`] = extent;
    names.forEach((name, k) => values[`${name}_${axis}`] = strides[k][axis]);
  });
  return values;
}
