/**
 * How many things have a region of their own: purity alone could be bought with crumbs.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { RegionMap } from "../records.ts";

/** Counts that add up over frames; see {@linkcode addRecovery}. */
export interface RecoveryCounts {
  /** Visible instances of each class. */
  readonly instances: Float64Array;
  /** Those of them that some region covers alone. */
  readonly recovered: Float64Array;
}

/** The overlap (intersection over union) at which a region stands for an instance. */
const OVERLAP = 0.5;

/** Empty counts for so many classes. */
export function emptyRecovery(classes: number): RecoveryCounts {
  return { instances: new Float64Array(classes), recovered: new Float64Array(classes) };
}

/**
 * Adds one frame: an instance is recovered when one region has an IoU of at least 0.5 with what is
 * seen of it. Instances of fewer pixels than `leastShare` of the frame do not count.
 *
 * @param labels `[H,W]` class ids; an instance has the class of its first pixel.
 * @param instances `[H,W]` instance ids, 0 where there is none.
 * @throws {DataError} when regions, labels and instances differ in size.
 */
export function addRecovery(
  counts: RecoveryCounts,
  map: RegionMap,
  labels: Uint8Array,
  instances: Uint16Array,
  leastShare = 0.001,
): void {
  if (labels.length !== map.ids.length || instances.length !== map.ids.length) {
    throw new DataError(
      `Cannot count recovered instances: expected ${map.ids.length} labels and instance ids, ` +
        `got ${labels.length} and ${instances.length}`,
    );
  }
  const found = new Map<number, { label: number; area: number; shared: Map<number, number> }>();
  instances.forEach((instance, i) => {
    if (instance === 0) return;
    const entry = found.get(instance) ?? { label: labels[i], area: 0, shared: new Map() };
    entry.area++;
    entry.shared.set(map.ids[i], (entry.shared.get(map.ids[i]) ?? 0) + 1);
    found.set(instance, entry);
  });
  for (const { label, area, shared } of found.values()) {
    if (label >= counts.instances.length || area < leastShare * map.ids.length) continue;
    counts.instances[label]++;
    const covered = shared.entries().some(([region, pixels]) =>
      pixels >= OVERLAP * (area + map.regions[region].area - pixels)
    );
    if (covered) counts.recovered[label]++;
  }
}

/** Share of instances recovered, per class (NaN: no such instance). */
export function recoveredShares({ instances, recovered }: RecoveryCounts): number[] {
  return Array.from(instances, (count, id) => recovered[id] / count);
}
