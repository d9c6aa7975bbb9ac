/**
 * Datasets in folders: `images/` (subfolders are sequences) with optional `labels/`, `depth/`, `disparity/` and
 * `regions/` beside it and a `dataset.json`, or a bare folder of images.
 *
 * @module
 */

import { basename, extname, join, resolve } from "@std/path";
import { DataError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { readDescription } from "./description.ts";
import { allOrNoLabels, datasetOfFiles, type FrameFile, mapsIn } from "./frame_files.ts";
import { IMAGE_PATTERN } from "./image_file.ts";
import { plainLabels } from "./label_file.ts";
import { compareNames, isFile, isFolder, listFolder } from "./listing.ts";

/** Folders of maps, which are no sequences of a bare folder of images. */
const MAP_FOLDERS = ["labels", "depth", "disparity", "regions"];

/**
 * Opens a folder as a dataset. Frames are in name order, numbers in numeric order. Maps have the name of
 * their image: `labels/` 8-bit grey PNG of class ids, for every frame or none; `depth/` 16-bit PNG of
 * metres * 256, 0 unknown, 65535 as far or farther; `disparity/` 16-bit PNG of inverse depth * 65535;
 * `regions/` 16-bit PNG of region ids.
 *
 * @throws {DataError} when it is missing, holds no image, or its dataset.json cannot be used.
 */
export async function openFolder(folder: string): Promise<Dataset> {
  if (!await isFolder(folder)) {
    const problem = await isFile(folder)
      ? "got a file; name the folder that it lies in, or a video (mp4, mov, mkv, ...)"
      : "got no such folder; check --data";
    throw new DataError(
      `Cannot use ${folder} as a dataset: expected a folder of images, ${problem}`,
    );
  }
  const images = join(folder, "images");
  const root = await isFolder(images) ? images : folder;
  const listed = await listImages(root, root === images ? [] : MAP_FOLDERS);
  const description = await readDescription(join(folder, "dataset.json"));
  const { classes = [], ignore = 255, intrinsics, cameras = {}, fps } = description;
  const pathsOf = (kind: string) => listed.map(({ name }) => join(folder, kind, `${name}.png`));
  const labels = await allOrNoLabels(join(folder, "labels"), pathsOf("labels"));
  const depth = await mapsIn(join(folder, "depth"), pathsOf("depth"));
  const disparity = await mapsIn(join(folder, "disparity"), pathsOf("disparity"));
  const regions = await mapsIn(join(folder, "regions"), pathsOf("regions"));
  return datasetOfFiles({
    path: root,
    name: description.name ?? basename(resolve(folder)),
    classes,
    ignore,
    intrinsics,
    fps,
    readLabels: plainLabels(classes.length, ignore),
    files: listed.map((file, i) => ({
      ...file,
      labels: labels[i],
      depth: depth[i],
      disparity: disparity[i],
      regions: regions[i],
      intrinsics: () => Promise.resolve(cameras[file.sequence]),
    })),
  });
}

/** Names of frames have slashes on every system. */
function within(sequence: string, name: string): string {
  return sequence ? `${sequence}/${name}` : name;
}

/** Images of a folder and its subfolders, sequences together. */
async function listImages(root: string, leftOut: readonly string[]): Promise<FrameFile[]> {
  const found: FrameFile[] = [];
  const walk = async (folder: string, sequence: string, around: readonly string[]) => {
    const real = await Deno.realPath(folder);
    if (around.includes(real)) {
      throw new DataError(
        `Cannot use ${folder} as a sequence: expected a folder, got a link to one that it lies in; remove the link`,
      );
    }
    const { files, folders } = await listFolder(folder);
    for (const file of files.filter((file) => IMAGE_PATTERN.test(file))) {
      const name = within(sequence, basename(file, extname(file)));
      found.push({ image: join(folder, file), name, sequence: sequence || basename(root) });
    }
    for (const name of folders.filter((name) => !leftOut.includes(name))) {
      await walk(join(folder, name), within(sequence, name), [...around, real]);
    }
  };
  await walk(root, "", []);
  return found.sort((a, b) => compareNames(a.sequence, b.sequence) || compareNames(a.name, b.name));
}
