/**
 * Opens whatever dataset lies at a path.
 *
 * @module
 */

import { join, resolve } from "@std/path";
import { openCamVid } from "./camvid.ts";
import { openCityscapes } from "./cityscapes.ts";
import { checkSplit, type Dataset, type Split, SPLIT_FOLDERS } from "./dataset.ts";
import { openFolder } from "./folder.ts";
import { openKittiRaw, openKittiSemantics } from "./kitti.ts";
import { isFile, isFolder } from "./listing.ts";

/** Settings of {@linkcode openDataset}. */
export interface OpenOptions {
  /** Which split a path to a whole dataset stands for, "train" by default; a path to a split decides itself. */
  readonly split?: Split;
}

/**
 * Opens a dataset, recognised by its path and the folders in it:
 *
 * | layout           | path                                                                      |
 * | ---------------- | ------------------------------------------------------------------------- |
 * | dataset folder   | holds `images/` or `dataset.json`                                         |
 * | Cityscapes       | the root, `leftImg8bit/`, `leftImg8bit_sequence/`, a split or a city there |
 * | CamVid           | the root or a folder of frames, original or in SegNet's splits            |
 * | KITTI semantics  | the root, `training/` or `testing/`                                       |
 * | KITTI raw        | the root, a date or a drive                                               |
 * | split folders    | holds dataset folders named `train/`, `val/` and `test/`, or some of them |
 * | folder of images | anything else                                                             |
 *
 * Labels of Cityscapes and KITTI are mapped to the 19 train ids, CamVid's colours to the usual 11 classes.
 * Where the labels of a known layout were not downloaded, its frames are unlabelled and `classes` is empty.
 *
 * @example
 * ```ts
 * import { openDataset, streetScenes, writeFrame } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * // A folder of one frame: a dataset without any description.
 * const folder = await Deno.makeTempDir();
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const drawn = await scenes.read(0, { height: 64, width: 128 });
 * await writeFrame(folder, { ...drawn, labels: undefined });
 *
 * const dataset = await openDataset(folder);
 * const frame = await dataset.read(0, { height: 32, width: 64 });
 * assertEquals([frame.name, frame.rgb.length], [drawn.name, 32 * 64 * 3]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {DataError} naming the file or folder and the remedy when it cannot be used.
 * @throws {ConfigError} when the split is none.
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  const { split = "train" } = options;
  checkSplit(split);
  const full = resolve(path);
  if (await isDatasetFolder(full) || !await isFolder(full)) return await openFolder(path);
  return await openCityscapes(full, split) ??
    await openCamVid(full, split) ??
    await openKittiSemantics(full, split) ??
    await openKittiRaw(full) ??
    await openSplitFolder(path, split) ??
    await openFolder(path);
}

async function isDatasetFolder(path: string): Promise<boolean> {
  return await isFolder(join(path, "images")) || await isFile(join(path, "dataset.json"));
}

/** Opens the dataset folder of a split; undefined where no split has one. */
async function openSplitFolder(path: string, split: Split): Promise<Dataset | undefined> {
  const folders = Object.values(SPLIT_FOLDERS).map((name) => join(path, name));
  const areDatasets = await Promise.all(folders.map(isDatasetFolder));
  return areDatasets.includes(true)
    ? await openFolder(join(path, SPLIT_FOLDERS[split]))
    : undefined;
}
