/**
 * What every dataset is to the stages: named frames in sequences that can be read at any size.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";

/** Pixels. */
export interface Size {
  /** H, rows. */
  readonly height: number;
  /** W, columns. */
  readonly width: number;
}

/** Pixels of a side; frames with longer ones fit no memory. */
export const LONGEST_SIDE = 16384;

/** The parts that datasets are published in. */
export const SPLITS = ["train", "validation", "test"] as const;

/** A part of a dataset that shares no frames with the others, where it was published in parts. */
export type Split = typeof SPLITS[number];

/** What downloads call the folders of their splits. */
export const SPLIT_FOLDERS: Readonly<Record<Split, string>> = {
  train: "train",
  validation: "val",
  test: "test",
};

/** A frame before it is read. */
export interface FrameInfo {
  /** Unique in its dataset: `<sequence>/<file name without extension>`. */
  readonly name: string;
  /** The video it belongs to. Frames of one sequence stand together, in order of time. */
  readonly sequence: string;
}

/** An ordered set of driving frames, with whatever truth there is. */
export interface Dataset {
  /** What reports call it. */
  readonly name: string;
  /** Class names by id; empty where there are no labels. */
  readonly classes: readonly string[];
  /** The label of pixels that do not count. */
  readonly ignore: number;
  /** Of all frames, unless a frame has its own. */
  readonly intrinsics?: Intrinsics;
  /** Frames a second. */
  readonly fps?: number;
  /** All frames; `read` takes their index. */
  readonly frames: readonly FrameInfo[];
  /**
   * Reads one frame at a size.
   *
   * @throws {DataError} naming the file and the remedy when it cannot be read.
   * @throws {ConfigError} when there is no frame of this index, or the size is none.
   */
  read(index: number, size: Size): Promise<Frame>;
}

/**
 * What every dataset asks of a `read`.
 *
 * @param count frames that there are.
 * @throws {ConfigError} when there is no frame of this index, or the size is none.
 */
export function checkRead(name: string, count: number, index: number, size: Size): void {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new ConfigError(
      `Cannot read a frame of ${name}: expected an index from 0 to ${count - 1}, got ${index}`,
    );
  }
  const { height, width } = size;
  if ([height, width].every((side) => Number.isSafeInteger(side) && side > 0)) return;
  throw new ConfigError(
    `Cannot read a frame of ${name}: expected whole numbers above 0 as height and width, got ${height} x ${width}`,
  );
}

/** @throws {ConfigError} when a split is none. */
export function checkSplit(split: Split): void {
  if (SPLITS.includes(split)) return;
  throw new ConfigError(`Cannot open a split: expected ${SPLITS.join(", ")}, got ${split}`);
}
