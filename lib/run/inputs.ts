/**
 * The frames that a run works on: the embedded scenes, folders, or several of them.
 *
 * @module
 */

import { join } from "@std/path";
import type { Dataset } from "../data/dataset.ts";
import { openFolder } from "../data/folder.ts";
import { isFile, isFolder } from "../data/listing.ts";
import { openDataset } from "../data/open.ts";
import { readFrames } from "../data/read_ahead.ts";
import { streetScenes, type StreetSplit } from "../data/street/scenes.ts";
import { extractFrames, hasFrames, isVideo, probeVideo, videoName } from "../data/video.ts";
import { ConfigError } from "../errors.ts";
import type { Frame, Intrinsics } from "../records.ts";
import type { Preset } from "./presets.ts";
import type { Progress } from "./progress.ts";
import type { Session } from "./session.ts";

/** What `--data` says for the embedded scenes. */
export const SCENES = "scenes";

/** Frames a second that are taken out of a video where nothing else is asked for. */
export const VIDEO_FPS = 10;

/** Assumed where a dataset tells no intrinsics: a field of view of about 60 degrees across. */
const TYPICAL_FOCAL = 0.85;

/** A dataset with all its frames in memory at the working size. */
export interface LoadedDataset {
  readonly dataset: Pick<Dataset, "name" | "classes" | "ignore">;
  readonly frames: readonly Frame[];
}

/**
 * The embedded scenes of a split, as many as the preset says.
 *
 * @param options.frames Of each street; the preset's for training and one to score on by default.
 */
export function scenesOf(
  preset: Preset,
  split: StreetSplit,
  { frames }: { readonly frames?: number } = {},
): Dataset {
  const { trainSequences, trainFrames, fps, validationSequences, testSequences } = preset.scenes;
  const sequences =
    { train: trainSequences, validation: validationSequences, test: testSequences }[split];
  return streetScenes({
    seed: 0,
    split,
    sequences,
    framesPerSequence: frames ?? (split === "train" ? trainFrames : 1),
    fps,
  });
}

/** What counts in opening data, beside where it is. */
export interface InputOptions {
  readonly settings: Preset;
  /** Counts where a path stands for a dataset with several splits, "train" by default. */
  readonly split?: StreetSplit;
  /** Of all frames, instead of what the datasets say. */
  readonly intrinsics?: Intrinsics;
  /** Frames a second that are taken out of videos, {@linkcode VIDEO_FPS} by default. */
  readonly fps?: number;
}

/** A run's settings for data that may be another's: the run's `--intrinsics` are those of its own data's camera. */
export function cameraOf<
  T extends { readonly data: readonly string[]; readonly intrinsics?: Intrinsics },
>(
  config: T,
  path: string,
): T {
  return config.data.includes(path) ? config : { ...config, intrinsics: undefined };
}

/** Below which folder frames of a video are kept: the run's own stay as they are when another is scored. */
export function framesFolder(
  run: string,
  { data }: { readonly data: readonly string[] },
  path: string,
): string {
  return data.includes(path) ? run : join(run, "scored");
}

/** Whether a frame is to be read; asked once for each, in their order. */
export type Wanted = () => boolean;

/** One `--data` that was found to be usable; nothing is written before it is loaded. */
export interface Input {
  readonly path: string;
  /** How many frames it has; undefined for a video, whose frames are still to be taken out. */
  readonly count?: number;
  /** Reads every wanted frame; those of a video are taken out of it into the session's folder first. */
  load(session: Session, wanted?: Wanted): Promise<LoadedDataset>;
}

/**
 * Opens every `--data`: embedded scenes, folders, videos.
 *
 * @param folder the run's, whose `frames/` holds what was taken out of videos.
 * @throws {DataError} naming the path and the remedy when one cannot be used.
 */
export async function openInputs(
  paths: readonly string[],
  options: InputOptions,
  folder: string,
): Promise<Input[]> {
  const { settings, split = "train", intrinsics } = options;
  const names = uniqueNames(paths.map(videoName));
  return await Promise.all(paths.map(async (path, i) => {
    const frames = join(folder, "frames", names[i]);
    const dataset = isVideo(path) && !await isFolder(path)
      ? await videoInput(path, frames, options)
      : await openInput(path, settings, split);
    return {
      path,
      count: typeof dataset === "function" ? undefined : dataset.frames.length,
      load: async (session, wanted) => {
        const opened = typeof dataset === "function" ? await dataset(session) : dataset;
        const loaded = await loadDataset(opened, settings, session.progress, wanted);
        // Videos of two datasets are two videos, whatever they are called.
        const prefix = paths.length === 1 ? "" : `${names[i]}/`;
        return {
          ...loaded,
          frames: loaded.frames.map((frame) => ({
            ...frame,
            sequence: prefix + frame.sequence,
            intrinsics: intrinsics ?? frame.intrinsics,
          })),
        };
      },
    };
  }));
}

/** Checks a video; what comes back takes its frames out. */
async function videoInput(
  path: string,
  frames: string,
  { settings: { height, width }, fps = VIDEO_FPS }: InputOptions,
): Promise<(session: Session) => Promise<Dataset>> {
  if (await isFile(path)) await probeVideo(path);
  else if (!await hasFrames(frames)) await openFolder(path); // Says that it is not there.
  return async ({ progress, warn }) => {
    const report = (done: number, total: number) =>
      progress.update(`frames out of ${path}`, done, Math.max(done, total));
    const aspect = await extractFrames(path, frames, { height, width, fps, report, warn });
    const dataset = await openFolder(frames);
    return {
      ...dataset,
      read: async (index, size) => ({ ...await dataset.read(index, size), aspect }),
    };
  };
}

/** What two frames are one frame by. */
export function frameKey({ file, name }: Frame): string {
  return file ?? name;
}

/**
 * The validation frames of a dataset in splits, or its test frames, where they have labels and none was trained on.
 *
 * @param trained the frames of the same path that were.
 */
export async function heldOutFrames(
  path: string,
  preset: Preset,
  trained: readonly Frame[],
  progress: Progress,
): Promise<{ readonly split: "validation" | "test"; readonly data: LoadedDataset } | undefined> {
  if (path === SCENES || isVideo(path)) return undefined;
  const known = new Set(trained.map(frameKey));
  for (const split of ["validation", "test"] as const) {
    // A split that was not downloaded is an error to open, and no reason to end a run.
    const dataset = await openInput(path, preset, split).catch(() => undefined);
    // Splits are one and the same, or share none.
    if (!dataset?.classes.length || known.has(frameKey(await dataset.read(0, preset)))) continue;
    const data = await loadDataset(dataset, preset, progress);
    if (hasLabels(data)) return { split, data };
  }
}

/** Whether there is a pixel to score. */
export function hasLabels({ dataset: { classes, ignore }, frames }: LoadedDataset): boolean {
  return classes.length > 0 &&
    frames.some(({ labels }) => labels?.some((label) => label !== ignore));
}

/** Opens a path that is no video. */
async function openInput(path: string, preset: Preset, split: StreetSplit): Promise<Dataset> {
  return path === SCENES ? scenesOf(preset, split) : await openDataset(path, { split });
}

/** The names, those that come again with a number. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    // A name may look like one that was numbered here.
    for (let k = 2; taken.has(unique) || (k > 2 && names.includes(unique)); k++) {
      unique = `${name}-${k}`;
    }
    taken.add(unique);
    return unique;
  });
}

/** Reads every wanted frame of a dataset at the preset's size. */
export async function loadDataset(
  dataset: Dataset,
  preset: Preset,
  progress: Progress,
  wanted: Wanted = () => true,
): Promise<LoadedDataset> {
  const size = { height: preset.height, width: preset.width };
  const indices = dataset.frames.keys().filter(wanted).toArray();
  const frames: Frame[] = [];
  for await (const frame of readFrames(dataset, indices, size)) {
    frames.push(frame);
    progress.update(`frames (${dataset.name})`, frames.length, indices.length);
  }
  return { dataset, frames };
}

/** The intrinsics of a frame, or typical ones of a dash camera with square pixels. */
export function intrinsicsFor(frame: Frame): Intrinsics {
  if (frame.intrinsics) return frame.intrinsics;
  const { aspect = frame.width / frame.height } = frame;
  return { fx: TYPICAL_FOCAL, fy: TYPICAL_FOCAL * aspect, cx: 0.5, cy: 0.5 };
}

/** A frame whose depth is learnt from two others, given by their offsets. */
export interface DepthTarget {
  /** Its index among the frames. */
  readonly target: number;
  /** From its index to those of the two others. */
  readonly offsets: readonly [number, number];
}

/**
 * The frames that have both neighbours in their video, and with `ends` also the first and the last of each,
 * which see two frames to one side.
 */
export function findTargets(frames: readonly Frame[], ends: boolean): DepthTarget[] {
  const wishes: (readonly [number, number])[] = ends ? [[-1, 1], [1, 2], [-1, -2]] : [[-1, 1]];
  return frames.flatMap(({ sequence }, target) => {
    const within = ([a, b]: readonly [number, number]) =>
      [a, b].every((offset) => frames[target + offset]?.sequence === sequence);
    const offsets = wishes.find(within);
    return offsets ? [{ target, offsets }] : [];
  });
}

/**
 * The targets of depth training, as {@linkcode findTargets} finds them.
 *
 * @throws {ConfigError} when no video has three frames.
 */
export function depthTargets(frames: readonly Frame[], ends: boolean): DepthTarget[] {
  const targets = findTargets(frames, ends);
  if (targets.length > 0) return targets;
  throw new ConfigError(
    "Cannot train depth: expected three frames in a row of one video, got none; add video or use --depth-run",
  );
}
