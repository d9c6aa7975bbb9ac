/**
 * What every dataset is to the stages: named frames in sequences that can be read at any size.
 *
 * @module
 */

import type { Frame, Intrinsics } from "../records.ts";

/** Pixels. */
export interface Size {
  /** H, rows. */
  readonly height: number;
  /** W, columns. */
  readonly width: number;
}

/** A part of a dataset that shares no frames with the others, where it was published in parts. */
export type Split = "train" | "validation" | "test";

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
   */
  read(index: number, size: Size): Promise<Frame>;
}
