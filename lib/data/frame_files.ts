/**
 * A dataset of files: whatever the layout, each frame is a picture with the maps that go with it.
 *
 * @module
 */

import { basename, resolve } from "@std/path";
import { DataError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";
import { checkRead, type Dataset, type FrameInfo, type Size } from "./dataset.ts";
import { describeImage, readColours, readGrey16, requireSameAspect } from "./image_file.ts";
import type { LabelReader } from "./label_file.ts";
import { isFile, isFolder } from "./listing.ts";
import { DEPTH_UNITS, DISPARITY_UNITS, FARTHEST } from "./write.ts";

/** The files of one frame. */
export interface FrameFile extends FrameInfo {
  readonly image: string;
  readonly labels?: string;
  readonly depth?: string;
  readonly disparity?: string;
  readonly regions?: string;
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
 * @throws {DataError} when there are none, or two have one name.
 */
export function datasetOfFiles(layout: FrameFiles): Dataset {
  const { path, files, readLabels, ...description } = layout;
  if (files.length === 0) {
    throw new DataError(
      `Cannot use ${path} as a dataset: expected images (png, jpg, webp, tiff), got none; check --data`,
    );
  }
  requireUniqueNames(files);
  const checked = new Set<FrameFile>();
  /** Frames and their maps must show one view, or resizing would shift them against each other. */
  const check = async (file: FrameFile) => {
    if (file !== files[0]) await requireSameAspect(files[0].image, file.image);
    for (const map of [file.labels, file.depth, file.disparity, file.regions]) {
      if (map) await requireSameAspect(file.image, map);
    }
    checked.add(file);
  };
  let header: ReturnType<typeof describeImage> | undefined;
  return {
    ...description,
    frames: files.map(({ name, sequence }) => ({ name, sequence })),
    async read(index: number, size: Size): Promise<Frame> {
      checkRead(description.name, files.length, index, size);
      const file = files[index];
      if (!checked.has(file)) await check(file);
      const { name, sequence, labels, depth, disparity, regions } = file;
      const { width, height } = await (header ??= describeImage(files[0].image));
      return {
        name,
        sequence,
        file: resolve(file.image),
        ...size,
        rgb: await readColours(file.image, size),
        labels: labels ? await readLabels(labels, size) : undefined,
        depth: depth ? metres(await readGrey16(depth, size)) : undefined,
        disparity: disparity ? fractions(await readGrey16(disparity, size)) : undefined,
        regionIds: regions ? await readGrey16(regions, size) : undefined,
        intrinsics: await file.intrinsics?.() ?? description.intrinsics,
        aspect: width / height,
      };
    },
  };
}

/** Maps are named after their frames, so that frames of one name would share them. */
function requireUniqueNames(files: readonly FrameFile[]): void {
  const imageOf = new Map<string, string>();
  for (const { name, image } of files) {
    const other = imageOf.get(name);
    if (other !== undefined) {
      throw new DataError(
        `Cannot use ${image} beside ${other}: expected one image of each name; remove or rename one`,
      );
    }
    imageOf.set(name, image);
  }
}

/**
 * Those maps that are there, in the order of `paths`; none where `folder`, where they would lie, is not.
 *
 * @throws {DataError} when the folder is there and none of them is: their names must differ.
 */
export async function mapsIn(
  folder: string,
  paths: readonly string[],
): Promise<(string | undefined)[]> {
  if (!await isFolder(folder)) return paths.map(() => undefined);
  const found = await Promise.all(paths.map(isFile));
  if (found.includes(true) || paths.length === 0) {
    return paths.map((path, i) => found[i] ? path : undefined);
  }
  throw new DataError(
    `Cannot use ${folder}: expected maps named after their images, such as ${
      basename(paths[0])
    }, ` +
      "got none; rename them or move the folder away",
  );
}

/**
 * The label files of all frames, or of none, as {@linkcode mapsIn} finds them.
 *
 * @throws {DataError} naming the first file that is missing when only some are there.
 */
export async function allOrNoLabels(
  folder: string,
  paths: readonly string[],
): Promise<(string | undefined)[]> {
  const found = await mapsIn(folder, paths);
  const missing = found.indexOf(undefined);
  if (missing < 0 || found.every((path) => path === undefined)) return found;
  throw new DataError(
    `Cannot use ${
      paths[missing]
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
