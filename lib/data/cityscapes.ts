/**
 * Cityscapes as it is downloaded: `leftImg8bit/<split>/<city>/` with `gtFine/` and `camera/` beside it, or the
 * unlabelled video `leftImg8bit_sequence/`.
 *
 * @module
 */

import { basename, dirname, join, relative, SEPARATOR } from "@std/path";
import { DataError } from "../errors.ts";
import type { Intrinsics } from "../records.ts";
import { CITYSCAPES_CLASSES, CITYSCAPES_IGNORE, CITYSCAPES_LABELS } from "./cityscapes_classes.ts";
import { type Dataset, type Split, SPLIT_FOLDERS } from "./dataset.ts";
import { isIntrinsics } from "./description.ts";
import { allOrNoLabels, datasetOfFiles } from "./frame_files.ts";
import { mappedLabels } from "./label_file.ts";
import { isFolder, listFolder, readText } from "./listing.ts";

/** Folders of frames: single labelled ones, and video of 30 frames around each. */
const [STILLS, VIDEO] = ["leftImg8bit", "leftImg8bit_sequence"];

/** The folder of fine labels. */
const LABELS = "gtFine";

/** Frames a second of the video. */
const VIDEO_FPS = 17;

/** Frames further apart than this, a third of a second, are no neighbours in time. */
const LARGEST_GAP = 5;

/** `<city>_<sequence>_<frame>_leftImg8bit.png`; smaller copies are often stored as JPEG. */
const FRAME_PATTERN = /^((.+_\d+)_(\d+))_leftImg8bit\.(png|jpe?g|webp|tiff?)$/i;

/** Pixels of every Cityscapes image, which camera files refer to. */
const [WIDTH, HEIGHT] = [2048, 1024];

/** Maps label ids, as Cityscapes and KITTI store them, to the 19 train ids. */
export const cityscapesLabels = mappedLabels(
  new Map(CITYSCAPES_LABELS.map(({ id, trainId }) => [id, trainId])),
  "label ids 0..33 or 255",
  "use the files named labelIds",
);

/** Where in a Cityscapes tree a path points. */
interface Place {
  readonly root: string;
  /** {@linkcode STILLS} or {@linkcode VIDEO}. */
  readonly kind: string;
  readonly split?: string;
  readonly city?: string;
}

/**
 * Opens Cityscapes' root, `leftImg8bit[_sequence]/`, a split or a city in there; undefined where `path` is none
 * of these. The root gives the labelled frames, or video where there is nothing else.
 *
 * @throws {DataError} when the split's folder is missing or only some frames have labels.
 */
export async function openCityscapes(path: string, split: Split): Promise<Dataset | undefined> {
  const place = await placeOf(path);
  if (!place) return undefined;
  const { root, kind, split: part = SPLIT_FOLDERS[split] } = place;
  const folder = join(root, kind, part);
  if (!await isFolder(folder)) {
    throw new DataError(
      `Cannot use ${root} as Cityscapes: expected frames in ${kind}/${part}/, got no such folder; download ` +
        "them or name another split's folder",
    );
  }
  const cities = place.city ? [place.city] : (await listFolder(folder)).folders;
  const listed = (await Promise.all(cities.map((city) => framesOf(root, kind, part, city)))).flat();
  const labels = kind === STILLS
    ? await allOrNoLabels(join(root, LABELS, part), listed.map((file) => file.labels))
    : [];
  return datasetOfFiles({
    path: folder,
    name: `Cityscapes ${part}`,
    classes: labels[0] ? CITYSCAPES_CLASSES : [],
    ignore: CITYSCAPES_IGNORE,
    fps: kind === VIDEO ? VIDEO_FPS : undefined,
    files: listed.map((file, i) => ({ ...file, labels: labels[i] })),
    readLabels: cityscapesLabels,
  });
}

async function placeOf(path: string): Promise<Place | undefined> {
  for (const folder of [path, dirname(path), dirname(dirname(path))]) {
    const kind = basename(folder);
    if (kind !== STILLS && kind !== VIDEO) continue;
    const [split, city] = relative(folder, path).split(SEPARATOR);
    return { root: dirname(folder), kind, split: split || undefined, city };
  }
  for (const kind of [STILLS, VIDEO]) {
    if (await isFolder(join(path, kind))) return { root: path, kind };
  }
  return undefined;
}

async function framesOf(root: string, kind: string, split: string, city: string) {
  const folder = join(root, kind, split, city);
  const cameraOf = await camerasIn(join(root, "camera", split, city));
  const sequenceOf = sequencesByGap();
  return (await listFolder(folder)).files.flatMap((file) => {
    const [, frame, video, number] = FRAME_PATTERN.exec(file) ?? [];
    if (!frame) return [];
    const sequence = sequenceOf(video, number);
    return [{
      name: `${sequence}/${frame}`,
      sequence,
      image: join(folder, file),
      labels: join(root, LABELS, split, city, `${frame}_gtFine_labelIds.png`),
      intrinsics: () => cameraOf(frame, video),
    }];
  });
}

/** Cuts videos `<city>_<sequence>` where frames, given in order, are no neighbours in time. */
function sequencesByGap(): (video: string, number: string) => string {
  let [last, at, sequence] = ["", 0, ""];
  return (video, number) => {
    if (video !== last) sequence = video;
    else if (Number(number) - at > LARGEST_GAP) sequence = `${video}_${number}`;
    [last, at] = [video, Number(number)];
    return sequence;
  };
}

/** Cameras by frame; a video's one labelled frame speaks for the frames around it. */
async function camerasIn(
  folder: string,
): Promise<(frame: string, video: string) => Promise<Intrinsics | undefined>> {
  const files = await isFolder(folder) ? (await listFolder(folder)).files : [];
  const known = new Set(files);
  return async (frame, video) => {
    const own = `${frame}_camera.json`;
    const file = known.has(own) ? own : files.find((name) => name.startsWith(`${video}_`));
    return file ? await readCamera(join(folder, file)) : undefined;
  };
}

async function readCamera(path: string): Promise<Intrinsics> {
  const text = await readText(path);
  let camera;
  try {
    const { fx, fy, u0, v0 } = JSON.parse(text).intrinsic;
    // Pixel centres are at whole numbers there; here the left edge of the image is 0.
    camera = { fx: fx / WIDTH, fy: fy / HEIGHT, cx: (u0 + 0.5) / WIDTH, cy: (v0 + 0.5) / HEIGHT };
  } catch {
    camera = undefined;
  }
  if (isIntrinsics(camera)) return camera;
  throw new DataError(
    `Cannot read ${path}: expected JSON with intrinsic {fx, fy, u0, v0}; download it again or remove it`,
  );
}
