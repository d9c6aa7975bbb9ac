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
 * Keeps the label files that frames name where all are there, and drops them where none is.
 *
 * @throws {DataError} naming the first file that is missing when only some are there.
 */
export async function allOrNoLabels(
  files: readonly (FrameFile & { readonly labels: string })[],
): Promise<FrameFile[]> {
  const found = await Promise.all(files.map(({ labels }) => isFile(labels)));
  if (!found.includes(true)) return files.map((file) => ({ ...file, labels: undefined }));
  const missing = found.indexOf(false);
  if (missing < 0) return [...files];
  throw new DataError(
    `Cannot use ${
      files[missing].labels
    }: expected labels for every frame or for none, got no such file; ` +
      "label the frame or keep unlabelled frames in a dataset of their own",
  );
}

function metres(units: Uint16Array): Float32Array {
  return Float32Array.from(units, (value) => value === FARTHEST ? Infinity : value / DEPTH_UNITS);
}

function fractions(units: Uint16Array): Float32Array {
  return Float32Array.from(units, (value) => value / DISPARITY_UNITS);
}
