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
