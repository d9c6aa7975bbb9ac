/**
 * A dataset of files: whatever the layout, each frame is a picture with the maps that go with it.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";
import type { Dataset, FrameInfo, Size } from "./dataset.ts";
import { readColours, readGrey16, requireSameAspect } from "./image_file.ts";
import type { LabelReader } from "./label_file.ts";
import { isFile } from "./listing.ts";
import { DEPTH_UNITS, DISPARITY_UNITS, FARTHEST } from "./write.ts";

/** The files of one frame. */
export interface FrameFile extends FrameInfo {
  readonly image: string;
  readonly labels?: string;
  readonly depth?: string;
  readonly disparity?: string;
  /** Of this frame, read when the frame is. */
  readonly intrinsics?: () => Promise<Intrinsics | undefined>;
}

/** What a layout says of its frames. */
export interface FrameFiles extends Omit<Dataset, "frames" | "read"> {
  /** Where they were looked for, for messages. */
  readonly path: string;
  readonly files: readonly FrameFile[];
  readonly readLabels: LabelReader;
}

/**
 * Makes a dataset of files. Frames are read anew each time.
 *
 * @throws {DataError} when there are none.
 */
export function datasetOfFiles(layout: FrameFiles): Dataset {
  const { path, files, readLabels, ...description } = layout;
  if (files.length === 0) {
    throw new DataError(
      `Cannot use ${path} as a dataset: expected images (png, jpg, webp, tiff), got none; check --data`,
    );
  }
  const checked = new Set<FrameFile>();
  /** Frames and their maps must show one view, or resizing would shift them against each other. */
  const check = async (file: FrameFile) => {
    if (file !== files[0]) await requireSameAspect(files[0].image, file.image);
    for (const map of [file.labels, file.depth, file.disparity]) {
      if (map) await requireSameAspect(file.image, map);
    }
    checked.add(file);
  };
  return {
    ...description,
    frames: files.map(({ name, sequence }) => ({ name, sequence })),
    async read(index: number, size: Size): Promise<Frame> {
      const file = files[index];
      if (!checked.has(file)) await check(file);
      const { name, sequence, labels, depth, disparity } = file;
      return {
        name,
        sequence,
        ...size,
        rgb: await readColours(file.image, size),
        labels: labels ? await readLabels(labels, size) : undefined,
        depth: depth ? metres(await readGrey16(depth, size)) : undefined,
        disparity: disparity ? fractions(await readGrey16(disparity, size)) : undefined,
        intrinsics: await file.intrinsics?.() ?? description.intrinsics,
      };
    },
  };
}

/**
 * Gives every frame its label file, or none where no frame has one.
 *
 * @throws {DataError} naming the first file that is missing when only some frames have labels.
 */
export async function withLabels(
  files: readonly FrameFile[],
  labelsOf: (file: FrameFile) => string,
): Promise<FrameFile[]> {
  const labelled = files.map((file) => ({ ...file, labels: labelsOf(file) }));
  const found = await Promise.all(labelled.map(({ labels }) => isFile(labels)));
  if (!found.includes(true)) return [...files];
  const missing = found.indexOf(false);
  if (missing < 0) return labelled;
  throw new DataError(
    `Cannot use ${
      labelled[missing].labels
    }: expected labels for every frame or for none, got no such ` +
      "file; label the frame or keep unlabelled frames in a dataset of their own",
  );
}

function metres(units: Uint16Array): Float32Array {
  return Float32Array.from(units, (value) => value === FARTHEST ? Infinity : value / DEPTH_UNITS);
}

function fractions(units: Uint16Array): Float32Array {
  return Float32Array.from(units, (value) => value / DISPARITY_UNITS);
}
