/**
 * Inputs of kernels that take several tensors of each kind: tfjs-core knows inputs by name alone.
 *
 * @module
 */

/** The tensors of every item by kind and place in the list, such as `grad.3`. */
export function listed<T>(items: readonly Readonly<Record<string, T>>[]): Record<string, T> {
  return Object.fromEntries(
    items.flatMap((item, place) =>
      Object.entries(item).map(([kind, tensor]) => [`${kind}.${place}`, tensor])
    ),
  );
}

/** The items again. */
export function itemsOf<T>(inputs: Readonly<Record<string, T>>): Record<string, T>[] {
  const items: Record<string, T>[] = [];
  for (const [name, tensor] of Object.entries(inputs)) {
    const [kind, place] = name.split(".");
    (items[Number(place)] ??= {})[kind] = tensor;
  }
  return items;
}
