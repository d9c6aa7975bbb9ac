/**
 * Datasets in folders: `images/` (subfolders are sequences) with optional `labels/`, `depth/` and
 * `disparity/` beside it and a `dataset.json`, or a bare folder of images.
 *
 * @module
 */

import { basename, extname, join } from "@std/path";
import { DataError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { readDescription } from "./description.ts";
import { allOrNoLabels, datasetOfFiles, type FrameFile } from "./frame_files.ts";
import { IMAGE_PATTERN } from "./image_file.ts";
import { plainLabels } from "./label_file.ts";
import { compareNames, isFile, isFolder, listFolder } from "./listing.ts";

/** Folders of maps, which are no sequences of a bare folder of images. */
const MAP_FOLDERS = ["labels", "depth", "disparity", "regions"];

/**
 * Opens a folder as a dataset. Frames are in name order, numbers in numeric order. Maps have the name of
 * their image: `labels/` 8-bit grey PNG of class ids, for every frame or none; `depth/` 16-bit PNG of
 * metres * 256, 0 unknown, 65535 as far or farther; `disparity/` 16-bit PNG of inverse depth * 65535.
 *
 * @throws {DataError} when it is missing, holds no image, or its dataset.json cannot be used.
 */
export async function openFolder(folder: string): Promise<Dataset> {
  if (!await isFolder(folder)) {
    throw new DataError(`Cannot use ${folder} as a dataset: there is no such folder; check --data`);
  }
  const images = join(folder, "images");
  const root = await isFolder(images) ? images : folder;
  const listed = await listImages(root, root === images ? [] : MAP_FOLDERS);
  const description = await readDescription(join(folder, "dataset.json"));
  const { classes = [], ignore = 255, intrinsics, cameras = {}, fps } = description;
  const labelled = await allOrNoLabels(
    listed.map((file) => ({ ...file, labels: join(folder, "labels", `${file.name}.png`) })),
  );
  const [depth, disparity] = [
    await mapsOf(join(folder, "depth"), listed),
    await mapsOf(join(folder, "disparity"), listed),
  ];
  return datasetOfFiles({
    path: root,
    name: description.name ?? basename(folder),
    classes,
    ignore,
    intrinsics,
    fps,
    readLabels: plainLabels(classes.length, ignore),
    files: labelled.map((file, i) => ({
      ...file,
      depth: depth[i],
      disparity: disparity[i],
      intrinsics: () => Promise.resolve(cameras[file.sequence]),
    })),
  });
}

/** Images of a folder and its subfolders, sequences together. */
async function listImages(root: string, leftOut: readonly string[]): Promise<FrameFile[]> {
  const found: FrameFile[] = [];
  const walk = async (folder: string, sequence: string) => {
    const { files, folders } = await listFolder(folder);
    for (const file of files.filter((file) => IMAGE_PATTERN.test(file))) {
      const name = join(sequence, basename(file, extname(file)));
      found.push({ image: join(folder, file), name, sequence: sequence || basename(root) });
    }
    for (const name of folders.filter((name) => !leftOut.includes(name))) {
      await walk(join(folder, name), join(sequence, name));
    }
  };
  await walk(root, "");
  return found.sort((a, b) => compareNames(a.sequence, b.sequence) || compareNames(a.name, b.name));
}

/**
 * The map of each frame, where it has one.
 *
 * @throws {DataError} when the folder is there and no frame has one: the names must differ.
 */
async function mapsOf(
  folder: string,
  files: readonly FrameFile[],
): Promise<(string | undefined)[]> {
  if (!await isFolder(folder)) return files.map(() => undefined);
  const paths = files.map(({ name }) => join(folder, `${name}.png`));
  const found = await Promise.all(paths.map(isFile));
  if (files.length === 0 || found.includes(true)) {
    return paths.map((path, i) => found[i] ? path : undefined);
  }
  throw new DataError(
    `Cannot use ${folder}: expected maps named like their images, such as ${
      files[0].name
    }.png, got none; ` +
      "rename them or move the folder away",
  );
}
