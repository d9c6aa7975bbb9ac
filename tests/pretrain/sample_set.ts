import type { SampleSet } from "../../lib/pretrain/sampling.ts";

/** Slots of one image by their groups, -1 for an empty one; their positions are all 0. */
export function sampleSet(groups: readonly number[]): SampleSet {
  return {
    images: 1,
    perImage: groups.length,
    positions: new Float32Array(2 * groups.length),
    groups: Int32Array.from(groups),
    groupCount: Math.max(...groups) + 1,
    count: groups.filter((group) => group >= 0).length,
  };
}
