/**
 * What every protocol asks of the frames that it scores.
 *
 * @module
 */
import { DataError } from "../errors.ts";
import type { Frame } from "../records.ts";

/**
 * The labels `[H,W]` of a frame that is to be scored.
 *
 * @throws {DataError} when the frame has none.
 */
export function labelsOf(frame: Frame): Uint8Array {
  if (frame.labels) return frame.labels;
  throw new DataError(
    `Cannot score frame ${frame.name}: expected labels, got none; add labels/ to the dataset or ` +
      "evaluate on one that has them",
  );
}

/** Consecutive runs of at most `size` items. */
export async function* batches<T>(
  items: Iterable<T> | AsyncIterable<T>,
  size: number,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
