/**
 * KITTI as it is downloaded: raw drives (rectified, left colour camera), and the semantics benchmark.
 *
 * @module
 */

import { basename, dirname, extname, join } from "@std/path";
import { DataError } from "../errors.ts";
import type { Intrinsics } from "../records.ts";
import { cityscapesLabels } from "./cityscapes.ts";
import { CITYSCAPES_CLASSES, CITYSCAPES_IGNORE } from "./cityscapes_classes.ts";
import type { Dataset, Split } from "./dataset.ts";
import { isIntrinsics } from "./description.ts";
import { datasetOfFiles, type FrameFile, mapsIn } from "./frame_files.ts";
import { IMAGE_PATTERN } from "./image_file.ts";
import { plainLabels } from "./label_file.ts";
import { isFile, isFolder, listFolder, readText } from "./listing.ts";

const DATE_PATTERN = /^\d{4}_\d\d_\d\d$/;
const DRIVE_PATTERN = /^\d{4}_\d\d_\d\d_drive_\d{4}_sync$/;

/** The left colour camera, and where its frames lie in a drive. */
const CAMERA = "02";
const FRAMES = join(`image_${CAMERA}`, "data");

/** Frames a second of raw drives. */
const RAW_FPS = 10;

/**
 * Opens the root, a date, a drive or `image_02/` in one of KITTI raw; undefined where `path` is none of these.
 * Every drive is a sequence. Intrinsics are those of the date's `calib_cam_to_cam.txt`, where it was
 * downloaded.
 *
 * @throws {DataError} when a calibration cannot be used.
 */
export async function openKittiRaw(path: string): Promise<Dataset | undefined> {
  const drives = await drivesAt(path);
  if (drives.length === 0) return undefined;
  const files: FrameFile[] = [];
  for (const date of new Set(drives.map((drive) => dirname(drive)))) {
    const camera = await readCalibration(join(date, "calib_cam_to_cam.txt"));
    for (const drive of drives.filter((drive) => dirname(drive) === date)) {
      files.push(...await framesOf(drive, camera));
    }
  }
  return datasetOfFiles({
    path,
    name: "KITTI raw",
    classes: [],
    ignore: CITYSCAPES_IGNORE,
    fps: RAW_FPS,
    files,
    readLabels: plainLabels(0, CITYSCAPES_IGNORE),
  });
}

/** Drive folders under a root or a date, in order of time, or the drive that `path` is or lies in. */
async function drivesAt(path: string): Promise<string[]> {
  for (const drive of [path, dirname(path), dirname(dirname(path))]) {
    if (!DRIVE_PATTERN.test(basename(drive))) continue;
    return [drive, join(drive, dirname(FRAMES)), join(drive, FRAMES)].includes(path) ? [drive] : [];
  }
  const { folders } = await listFolder(path);
  if (DATE_PATTERN.test(basename(path))) {
    return folders.filter((name) => DRIVE_PATTERN.test(name)).map((name) => join(path, name));
  }
  const dates = folders.filter((name) => DATE_PATTERN.test(name));
  return (await Promise.all(dates.map((date) => drivesAt(join(path, date))))).flat();
}

async function framesOf(drive: string, camera: Intrinsics | undefined): Promise<FrameFile[]> {
  const folder = join(drive, FRAMES);
  if (!await isFolder(folder)) return [];
  const sequence = basename(drive);
  return (await listFolder(folder)).files
    .filter((file) => IMAGE_PATTERN.test(file))
    .map((file) => ({
      name: `${sequence}/${basename(file, extname(file))}`,
      sequence,
      image: join(folder, file),
      intrinsics: () => Promise.resolve(camera),
    }));
}

/** Intrinsics of the rectified left colour camera; undefined where there is no such file. */
async function readCalibration(path: string): Promise<Intrinsics | undefined> {
  if (!await isFile(path)) return undefined;
  const text = await readText(path);
  const numbers = (key: string) => {
    const line = text.split("\n").find((line) => line.startsWith(`${key}:`)) ?? "";
    return line.slice(key.length + 1).trim().split(/\s+/).map(Number);
  };
  const [width, height] = numbers(`S_rect_${CAMERA}`);
  const [fx, , u, , , fy, v] = numbers(`P_rect_${CAMERA}`);
  // Pixel centres are at whole numbers there; here the left edge of the image is 0.
  const camera = {
    fx: fx / width,
    fy: fy / height,
    cx: (u + 0.5) / width,
    cy: (v + 0.5) / height,
  };
  if (isIntrinsics(camera)) return camera;
  throw new DataError(
    `Cannot read ${path}: expected S_rect_${CAMERA} (2 numbers) and P_rect_${CAMERA} (12 numbers); download ` +
      "the date's calibration again",
  );
}

/**
 * Opens the semantics benchmark: `training/image_2` with `training/semantic`, whose label ids are Cityscapes',
 * or `testing/image_2` for the split "test". Training and validation are the same 200 frames. Undefined
 * where `path` is neither the root nor one of its two parts.
 */
export async function openKittiSemantics(path: string, split: Split): Promise<Dataset | undefined> {
  const isPart = await isFolder(join(path, "image_2"));
  const isRoot = !isPart && await isFolder(join(path, "training", "image_2"));
  if (!isPart && !isRoot) return undefined;
  const part = isPart ? path : join(path, split === "test" ? "testing" : "training");
  const [images, semantic] = [join(part, "image_2"), join(part, "semantic")];
  const listed = (await isFolder(images) ? (await listFolder(images)).files : [])
    .filter((file) => IMAGE_PATTERN.test(file))
    .map((file) => ({ image: join(images, file), frame: basename(file, extname(file)) }));
  const labels = await mapsIn(semantic, listed.map(({ frame }) => join(semantic, `${frame}.png`)));
  const labelled = labels.some((path) => path !== undefined);
  return datasetOfFiles({
    path: images,
    name: `KITTI semantics ${basename(part)}`,
    classes: labelled ? CITYSCAPES_CLASSES : [],
    ignore: CITYSCAPES_IGNORE,
    files: listed.flatMap(({ image, frame }, i) => {
      // The stereo benchmark adds frames without labels to the same folder.
      if (labelled && !labels[i]) return [];
      const sequence = frame.split("_")[0];
      return [{ name: `${sequence}/${frame}`, sequence, image, labels: labels[i] }];
    }),
    readLabels: cityscapesLabels,
  });
}
