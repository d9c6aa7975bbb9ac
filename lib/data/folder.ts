/**
 * Datasets in folders: `images/` (subfolders are sequences) with optional `labels/` beside it and a
 * `dataset.json`, or a bare folder of images.
 *
 * @module
 */

import { basename, extname, join, relative } from "@std/path";
import { DataError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";
import type { Dataset, FrameInfo, Size } from "./dataset.ts";
import { IMAGE_PATTERN, readColours, readLabels, requireSameAspect } from "./image_file.ts";

/** What dataset.json may say. */
interface Description {
  readonly name?: string;
  readonly classes?: readonly string[];
  readonly ignore?: number;
  readonly intrinsics?: Intrinsics;
  readonly fps?: number;
}

interface File extends FrameInfo {
  readonly path: string;
}

/**
 * Opens a folder as a dataset.
 *
 * @throws {DataError} when it is missing, holds no image, or its dataset.json cannot be used.
 */
export async function openFolder(folder: string): Promise<Dataset> {
  const root = await imageRoot(folder);
  const files = await listImages(root);
  if (files.length === 0) {
    throw new DataError(
      `Cannot use ${root} as a dataset: expected images (png, jpg, webp, tiff), got none; check --data`,
    );
  }
  const description = await readDescription(join(folder, "dataset.json"));
  const labelFolder = join(folder, "labels");
  const labelled = await isFolder(labelFolder);
  const classes = description.classes ?? [];
  const checked = new Set<string>();
  return {
    name: description.name ?? basename(folder),
    classes,
    ignore: description.ignore ?? 255,
    intrinsics: description.intrinsics,
    fps: description.fps,
    frames: files.map(({ name, sequence }) => ({ name, sequence })),
    async read(index: number, size: Size): Promise<Frame> {
      const { path, name, sequence } = files[index];
      if (!checked.has(path)) {
        if (index > 0) await requireSameAspect(files[0].path, path);
        checked.add(path);
      }
      const rgb = await readColours(path, size);
      const labels = labelled
        ? await readFrameLabels(
          join(labelFolder, labelName(root, path)),
          size,
          classes.length,
          description.ignore ?? 255,
        )
        : undefined;
      return { name, sequence, ...size, rgb, labels, intrinsics: description.intrinsics };
    },
  };
}

async function imageRoot(folder: string): Promise<string> {
  if (!await isFolder(folder)) {
    throw new DataError(`Cannot use ${folder} as a dataset: there is no such folder; check --data`);
  }
  const images = join(folder, "images");
  return await isFolder(images) ? images : folder;
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}

/** Images of a folder and its subfolders, sequences together, numbers in names in numeric order. */
async function listImages(root: string): Promise<File[]> {
  const files: File[] = [];
  const walk = async (folder: string, sequence: string) => {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory && entry.name !== "labels") {
        await walk(path, join(sequence, entry.name));
      } else if (IMAGE_PATTERN.test(entry.name)) {
        const name = join(sequence, basename(entry.name, extname(entry.name)));
        files.push({ path, name, sequence: sequence || basename(root) });
      }
    }
  };
  await walk(root, "");
  const { compare } = new Intl.Collator("en", { numeric: true });
  return files.sort((a, b) => compare(a.sequence, b.sequence) || compare(a.name, b.name));
}

function labelName(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.slice(0, -extname(inside).length) + ".png";
}

async function readFrameLabels(
  path: string,
  size: Size,
  classes: number,
  ignore: number,
): Promise<Uint8Array> {
  const labels = await readLabels(path, size);
  const wrong = labels.find((label) => label >= classes && label !== ignore);
  if (wrong === undefined) return labels;
  throw new DataError(
    `Cannot use ${path}: expected class ids below ${classes} or ${ignore} (ignored), got ${wrong}; list all ` +
      "classes in dataset.json",
  );
}

async function readDescription(path: string): Promise<Description> {
  const text = await Deno.readTextFile(path).catch(() => undefined);
  if (text === undefined) return {};
  const fail = (expected: string) => new DataError(`Cannot use ${path}: expected ${expected}`);
  let description: Description;
  try {
    description = JSON.parse(text);
  } catch (error) {
    throw fail(`JSON, got "${(error as Error).message}"`);
  }
  const { classes, ignore, intrinsics, fps } = description;
  const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
  if (
    classes !== undefined &&
    !(Array.isArray(classes) && classes.every((name) => typeof name === "string"))
  ) {
    throw fail("classes to be a list of names");
  }
  if (ignore !== undefined && !(Number.isInteger(ignore) && ignore >= 0 && ignore <= 255)) {
    throw fail(`ignore to be 0..255, got ${ignore}`);
  }
  if (fps !== undefined && !(isNumber(fps) && fps > 0)) throw fail(`fps above 0, got ${fps}`);
  if (intrinsics !== undefined) {
    const { fx, fy, cx, cy } = intrinsics;
    if (![fx, fy, cx, cy].every(isNumber) || fx <= 0 || fy <= 0) {
      throw fail("intrinsics fx, fy above 0 and cx, cy, in image widths and heights");
    }
  }
  return description;
}
