/**
 * Opens whatever dataset lies at a path.
 *
 * @module
 */

import { join, resolve } from "@std/path";
import { openCamVid } from "./camvid.ts";
import { openCityscapes } from "./cityscapes.ts";
import type { Dataset, Split } from "./dataset.ts";
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
 * | folder of images | anything else                                                             |
 *
 * Labels of Cityscapes and KITTI are mapped to the 19 train ids, CamVid's colours to the usual 11 classes.
 * Where the labels of a known layout were not downloaded, its frames are unlabelled and `classes` is empty.
 *
 * @example
 * ```ts ignore
 * import { openDataset } from "@cpcdr/cpcdr";
 * const cityscapes = await openDataset("cityscapes", { split: "validation" });
 * const frame = await cityscapes.read(0, { height: 256, width: 512 });
 * ```
 *
 * @throws {DataError} naming the file or folder and the remedy when it cannot be used.
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  const { split = "train" } = options;
  const full = resolve(path);
  const isPlain = await isFolder(join(full, "images")) || await isFile(join(full, "dataset.json"));
  if (isPlain || !await isFolder(full)) return await openFolder(path);
  return await openCityscapes(full, split) ??
    await openCamVid(full, split) ??
    await openKittiSemantics(full, split) ??
    await openKittiRaw(full) ??
    await openFolder(path);
}
