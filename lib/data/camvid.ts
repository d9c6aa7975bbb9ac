/**
 * CamVid as it is downloaded: the original `701_StillsRaw_full/` with `LabeledApproved_full/` (colours), or
 * one folder a split with labels beside it, `trainannot/` (SegNet's ids) or `train_labels/` (colours).
 *
 * @module
 */

import { basename, dirname, extname, join } from "@std/path";
import { DataError } from "../errors.ts";
import { CAMVID_CLASSES, CAMVID_IGNORE, CAMVID_LABELS } from "./camvid_classes.ts";
import { type Dataset, type Split, SPLIT_FOLDERS } from "./dataset.ts";
import { allOrNoLabels, datasetOfFiles } from "./frame_files.ts";
import { IMAGE_PATTERN } from "./image_file.ts";
import { colourLabels, type LabelReader, plainLabels } from "./label_file.ts";
import { isFolder, listFolder } from "./listing.ts";

/** The folders of the original. */
const [STILLS, APPROVED] = ["701_StillsRaw_full", "LabeledApproved_full"];

/** How labels lie beside a folder of frames. */
interface LabelForm {
  readonly folder: (split: string) => string;
  readonly file: (frame: string) => string;
  readonly read: LabelReader;
}

const COLOURS = colourLabels(
  CAMVID_LABELS,
  "one of CamVid's 32 label colours",
  "take the label file as downloaded, without lossy compression",
);

const ORIGINAL: LabelForm = {
  folder: () => APPROVED,
  file: (frame) => `${frame}_L.png`,
  read: COLOURS,
};

const SPLIT_FORMS: readonly LabelForm[] = [
  {
    folder: (split) => `${split}annot`,
    file: (frame) => `${frame}.png`,
    read: plainLabels(CAMVID_CLASSES.length, CAMVID_IGNORE),
  },
  { folder: (split) => `${split}_labels`, file: (frame) => `${frame}_L.png`, read: COLOURS },
];

/**
 * Opens CamVid's root or one of its folders of frames; undefined where `path` is neither. The root gives one
 * split, of the original the frames that are in SegNet's. Frames lie about a second apart, mostly.
 *
 * @throws {DataError} when the split's folder is missing or only some frames have labels.
 */
export async function openCamVid(path: string, split: Split): Promise<Dataset | undefined> {
  const inside = basename(path);
  if (inside === STILLS) return await openOriginal(dirname(path), split);
  if (await isFolder(join(path, STILLS))) return await openOriginal(path, split);
  const names = Object.values(SPLIT_FOLDERS);
  for (const form of SPLIT_FORMS) {
    const isRoot = async (folder: string) =>
      (await Promise.all(names.map((name) => isFolder(join(folder, form.folder(name))))))
        .includes(true);
    if (names.includes(inside) && await isRoot(dirname(path))) {
      return await openFrames(dirname(path), inside, form);
    }
    if (await isRoot(path)) return await openFrames(path, SPLIT_FOLDERS[split], form);
  }
  return undefined;
}

async function openOriginal(root: string, split: Split): Promise<Dataset> {
  return await openFrames(root, STILLS, ORIGINAL, split);
}

/** Frames of a folder, with the labels that lie beside it. */
async function openFrames(
  root: string,
  folder: string,
  form: LabelForm,
  split?: Split,
): Promise<Dataset> {
  const path = join(root, folder);
  if (!await isFolder(path)) {
    throw new DataError(
      `Cannot use ${root} as CamVid: expected frames in ${folder}/, got no such folder; download them or ` +
        "name another split's folder",
    );
  }
  const listed = (await listFolder(path)).files
    .filter((file) => IMAGE_PATTERN.test(file))
    .map((file) => ({ image: join(path, file), frame: basename(file, extname(file)) }))
    .filter(({ frame }) => split === undefined || splitOf(frame) === split);
  const labelFolder = join(root, form.folder(folder));
  const labels = await allOrNoLabels(
    labelFolder,
    listed.map(({ frame }) => join(labelFolder, form.file(frame))),
  );
  return datasetOfFiles({
    path,
    name: `CamVid ${split ? SPLIT_FOLDERS[split] : folder}`,
    classes: labels[0] ? CAMVID_CLASSES : [],
    ignore: CAMVID_IGNORE,
    fps: 1,
    files: listed.map(({ image, frame }, i) => {
      const sequence = frame.split("_")[0];
      return { name: `${sequence}/${frame}`, sequence, image, labels: labels[i] };
    }),
    readLabels: form.read,
  });
}

/** SegNet's split of a frame of the original, such as `0016E5_07959`: 367, 101 and 233 of 701 frames. */
function splitOf(frame: string): Split {
  const [sequence, number = ""] = frame.split("_");
  const time = Number(number.replace(/^f/, ""));
  if (sequence === "Seq05VD" || (sequence === "0001TP" && time > 8520)) return "test";
  return sequence === "0016E5" && time >= 7959 && time <= 8159 ? "validation" : "train";
}
