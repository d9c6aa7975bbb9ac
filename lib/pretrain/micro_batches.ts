/**
 * Dealing a step's mixed images into parts that are trained on one after the other.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import type { MixedBatch } from "../records.ts";

/**
 * `parts` batches of equal size. The two mixed images that began as the same source (m and M + m of M
 * sources) stay together, so that its points are seen twice at least. Ids of regions and sources are those
 * of the whole batch.
 *
 * @throws {ConfigError} when the sources cannot be dealt out evenly.
 */
export function microBatches(batch: MixedBatch, parts: number): MixedBatch[] {
  if (parts === 1) return [batch];
  const sources = batch.count / 2, each = sources / parts;
  if (!Number.isInteger(each)) {
    throw new ConfigError(
      `Cannot deal ${batch.count} mixed images into ${parts} micro-batches: expected accumulate to divide their ` +
        `${sources} sources; choose another`,
    );
  }
  return Array.from({ length: parts }, (_, part) => {
    const first = Array.from({ length: each }, (_, i) => part * each + i);
    return someImages(batch, [...first, ...first.map((m) => m + sources)]);
  });
}

/** The batch of some of the mixed images, in that order. */
function someImages(batch: MixedBatch, images: readonly number[]): MixedBatch {
  const { height, width } = batch, size = height * width;
  const placeOf = new Map(images.map((mixed, place) => [mixed, place]));
  const copyPlace = new Int32Array(batch.copies.length).fill(-1);
  const copies = batch.copies.flatMap((copy, id) => {
    const mixed = placeOf.get(copy.mixed);
    if (mixed === undefined) return [];
    return [{ ...copy, mixed, id }];
  }).map(({ id, ...copy }, place) => {
    copyPlace[id] = place;
    return copy;
  });
  const pick = <T extends Float32Array | Int32Array>(values: T, channels: number, result: T): T => {
    images.forEach((mixed, place) => {
      const from = mixed * size * channels;
      result.set(values.subarray(from, from + size * channels), place * size * channels);
    });
    return result;
  };
  const count = images.length;
  const copyIds = pick(batch.copyIds, 1, new Int32Array(count * size));
  return {
    count,
    height,
    width,
    images: pick(batch.images, 3, new Float32Array(count * size * 3)),
    copyIds: copyIds.map((id) => id < 0 ? id : copyPlace[id]),
    regionIds: pick(batch.regionIds, 1, new Int32Array(count * size)),
    copies,
    regionOffsets: batch.regionOffsets,
  };
}
