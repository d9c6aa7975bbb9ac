/**
 * What a run predicts, back as pictures: `disparity/` and `regions/` (16-bit PNG), `segmentation/` (8-bit
 * PNG of class ids), `overlays/` in colour, and a contact sheet of some frames.
 *
 * @module
 */

import { join } from "@std/path";
import { writeMap16, writeMap8, writePicture } from "../data/write.ts";
import type { DepthMap, Frame, RegionMap } from "../records.ts";
import type { Rgb } from "../report/palette.ts";
import {
  disparityPicture,
  framePicture,
  labelPicture,
  type Picture,
  regionPicture,
  sideBySide,
  stacked,
} from "../report/pictures.ts";
import { isFile } from "../data/listing.ts";
import { ConfigError } from "../errors.ts";
import { writeJson } from "./storage/atomic.ts";
import { type LoadedDataset, uniqueNames } from "./inputs.ts";
import type { Progress } from "./progress.ts";
import { requireNoDataset } from "./storage/run_folder.ts";

/** What was predicted for some frames, in their order. */
export interface Predictions {
  readonly frames: readonly Frame[];
  /** Names of the files without extension. */
  readonly names: readonly string[];
  readonly maps: readonly DepthMap[];
  readonly regions: readonly RegionMap[];
  /** The classes, or groups without a name, of a pixel. */
  readonly segmentation?: Segmentation;
}

/** Which class every pixel belongs to. */
export interface Segmentation {
  /** Names by id; empty for groups that were found without labels. */
  readonly classes: readonly string[];
  readonly colours: readonly Rgb[];
  /** `[H,W]` ids of some frames, one array a frame. */
  assign(frames: readonly Frame[]): Promise<readonly ArrayLike<number>[]>;
}

/** Frames that are segmented together. */
const BATCH = 8;
/** Rows of the contact sheet. */
const ROWS = 8;
/** Share of the class colour in an overlay. */
const OPACITY = 0.6;
/** The largest unit of a 16-bit PNG. */
const UNITS = 65535;

/** Names of files for the frames of several datasets: as they are, or by dataset where there are several. */
export function outputNames(loaded: readonly LoadedDataset[]): string[] {
  // A name is any text, a folder must not lead elsewhere.
  const folders = uniqueNames(
    loaded.map(({ dataset }) => dataset.name.replaceAll(/[\/\\:]|^\.+/g, "_") || "dataset"),
  );
  return loaded.flatMap(({ frames }, i) =>
    frames.map(({ name }) => loaded.length === 1 ? name : join(folders[i], name))
  );
}

/**
 * Predictions of hours should not end at a file that is in their way.
 *
 * @throws {ConfigError} when a file or a dataset is where they should be written.
 */
export async function requireWritable(folder: string): Promise<void> {
  await requireNoDataset(folder, "--predictions");
  if (!await isFile(folder)) return;
  throw new ConfigError(
    `Cannot write predictions to ${folder}: it is a file; choose another --predictions`,
  );
}

/** The largest disparity of all maps, which one scale for all of them leads from. */
export function largestDisparity(maps: readonly DepthMap[]): number {
  let largest = 0;
  for (const { disparity } of maps) {
    for (const value of disparity) if (value > largest) largest = value;
  }
  return largest || 1;
}

/** Disparity as 16-bit units of which 65535 is `largest`. */
export function disparityUnits({ disparity }: DepthMap, largest: number): Uint16Array {
  return Uint16Array.from(disparity, (value) => Math.round(UNITS * value / largest));
}

/**
 * Writes predictions to a folder; answers the path of the contact sheet.
 *
 * @throws {StorageError} when the disk is full or the folder cannot be written.
 */
export async function writePredictions(
  folder: string,
  predictions: Predictions,
  progress: Progress,
): Promise<string> {
  const { frames, names, maps, regions, segmentation } = predictions;
  const largest = largestDisparity(maps);
  const stride = Math.max(1, Math.ceil(frames.length / ROWS));
  const rows: Picture[] = [];
  for (let first = 0; first < frames.length; first += BATCH) {
    const group = frames.slice(first, first + BATCH);
    const ids = await segmentation?.assign(group);
    for (const [k, frame] of group.entries()) {
      const i = first + k, { height, width } = frame;
      const at = (...kind: string[]) => join(folder, ...kind, `${names[i]}.png`);
      const pictures = [disparityPicture(maps[i]), regionPicture(regions[i], frame)];
      await writeMap16(at("disparity"), disparityUnits(maps[i], largest), height, width);
      await writeMap16(at("regions"), Uint16Array.from(regions[i].ids), height, width);
      await save(at("overlays", "disparity"), pictures[0]);
      await save(at("overlays", "regions"), pictures[1]);
      if (segmentation && ids) {
        await writeMap8(at("segmentation"), Uint8Array.from(ids[k]), height, width);
        const picture = labelPicture(ids[k], height, width, segmentation.colours);
        await save(at("overlays", "segmentation"), over(frame, picture));
        pictures.push(picture);
      }
      if (i % stride === 0) rows.push(sideBySide([framePicture(frame), ...pictures]));
    }
    progress.update("predictions", Math.min(frames.length, first + BATCH), frames.length);
  }
  const about = {
    frames: frames.length,
    classes: segmentation?.classes,
    disparity: { unit: largest / UNITS, of: "inverse depth, up to one unknown scale" },
  };
  await writeJson(join(folder, "predictions.json"), about);
  const sheet = join(folder, "contact_sheet.png");
  await save(sheet, stacked(rows));
  return sheet;
}

async function save(path: string, { rgb, height, width }: Picture): Promise<void> {
  await writePicture(path, rgb, height, width);
}

/** A picture in colours laid over its frame. */
function over(frame: Frame, { height, width, rgb }: Picture): Picture {
  const mixed = rgb.map((value, i) => Math.round(OPACITY * value + (1 - OPACITY) * frame.rgb[i]));
  return { height, width, rgb: mixed };
}
