/**
 * Frames out of video files, taken by ffmpeg where it is installed.
 *
 * @module
 */

import { basename, dirname, extname, join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { DataError, storageError } from "../errors.ts";
import type { Size } from "./dataset.ts";
import { isFile, isFolder } from "./listing.ts";

/** Names of files that are taken for videos. */
const VIDEO_PATTERN =
  /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|m?ts|m2ts|wmv|flv|3gp|ogv|h26[45]|hevc|insv|lrv)$/i;

/** True for the name of a video file. */
export function isVideo(path: string): boolean {
  return VIDEO_PATTERN.test(path);
}

/** What ffprobe says of a video. */
export interface VideoInfo {
  /** Seconds; 0 where the file does not say. */
  readonly seconds: number;
  /** Width over height as players show it: upright, with square pixels. */
  readonly aspect: number;
}

/** What frames were taken out of, and how; it lies beside them. */
interface Extraction extends Size {
  readonly video: string;
  readonly bytes: number;
  readonly changed?: number;
  readonly fps: number;
  /** Width over height of what the frames show, before it was resized. */
  readonly aspect: number;
}

/** Settings of {@linkcode extractFrames}. */
export interface ExtractOptions extends Size {
  /** Frames a second. */
  readonly fps: number;
  /** Told how many frames are out, and about how many there will be. */
  readonly report?: (done: number, total: number) => void;
  /** Told when the video ends earlier than it says. */
  readonly warn?: (line: string) => void;
}

const RECORD = "video.json";
/** No camera of a car takes more frames a second. */
export const HIGHEST_FPS = 1000;
/** A video that yields less than this share of its frames is damaged. */
const COMPLETE = 0.9;

/**
 * Asks ffprobe whether a file is a video.
 *
 * @throws {DataError} when it is not, ffmpeg is not installed, or may not be run.
 */
export async function probeVideo(path: string): Promise<VideoInfo> {
  const args = ["-v", "error", "-select_streams", "v:0", "-show_entries"];
  const output = await start("ffprobe", path, [
    ...args,
    "stream=width,height,sample_aspect_ratio:stream_side_data=rotation:stream_tags=rotate:format=duration",
    "-of",
    "json",
    path,
  ]).output();
  const errors = new TextDecoder().decode(output.stderr);
  if (!output.success) throw notVideo(path, `"${reasonOf(path, errors)}"`);
  const { streams = [], format = {} } = JSON.parse(new TextDecoder().decode(output.stdout));
  if (streams.length === 0) throw notVideo(path, "no pictures in it");
  return { seconds: Number(format.duration) || 0, aspect: shownAspect(streams[0]) };
}

/** What ffprobe says of a stream of pictures. */
interface StreamInfo {
  readonly width: number;
  readonly height: number;
  /** Of a pixel, such as "4:3"; "0:1" is unknown. */
  readonly sample_aspect_ratio?: string;
  /** Degrees. */
  readonly side_data_list?: readonly { readonly rotation?: number }[];
  /** Degrees, as older files say it. */
  readonly tags?: { readonly rotate?: string };
}

function shownAspect(
  { width, height, sample_aspect_ratio, side_data_list = [], tags }: StreamInfo,
): number {
  const [across, down] = (sample_aspect_ratio ?? "1:1").split(":").map(Number);
  const aspect = width / height * (across / down || 1);
  const turn = side_data_list.find(({ rotation }) => rotation)?.rotation ?? tags?.rotate ?? 0;
  return Number(turn) % 180 === 0 ? aspect : 1 / aspect;
}

/** True where `folder` holds all frames of an extraction. */
export async function hasFrames(folder: string): Promise<boolean> {
  return await isFile(join(folder, RECORD));
}

/**
 * Takes the frames out of a video as `folder`/000001.png and so on, already at the size that is asked
 * for. Where they lie there from the same video with the same settings, or the video is gone, they are
 * left as they are; frames of another extraction make way; one that was cut off begins anew. Answers width over height of what they
 * show, as it was before they were resized.
 *
 * @throws {DataError} naming the video when it cannot be read, or the folder when it holds other files; {StorageError}
 * when the disk is full.
 */
export async function extractFrames(
  path: string,
  folder: string,
  options: ExtractOptions,
): Promise<number> {
  const { height, width, fps, report, warn } = options;
  const found = await Deno.stat(path).catch(() => undefined);
  const stored = await Deno.readTextFile(join(folder, RECORD)).catch(() => undefined);
  if (stored && !found) return JSON.parse(stored).aspect ?? width / height;
  const { seconds, aspect: whole } = await probeVideo(path);
  // Of an upright video the middle is taken.
  const aspect = whole < 1 ? width / height : whole;
  const made: Extraction = {
    video: basename(path),
    bytes: found?.size ?? 0,
    changed: found?.mtime?.getTime(),
    fps,
    aspect,
    height,
    width,
  };
  const record = JSON.stringify(made) + "\n";
  if (stored === record) return aspect;
  if (!stored && await isFolder(folder)) {
    throw new DataError(
      `Cannot take frames out of ${path} to ${folder}: expected no such folder yet, got one with other files; ` +
        "move it away or choose another --out",
    );
  }
  const temporary = join(dirname(folder), `.${basename(folder)}.tmp`);
  try {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    await Deno.mkdir(temporary, { recursive: true });
    const total = Math.round(seconds * fps);
    const count = await runFfmpeg(path, temporary, options, (done) => report?.(done, total));
    if (count === 0) throw notVideo(path, "no frame");
    report?.(count, count);
    if (count < COMPLETE * total) {
      warn?.(`${path}: ${count} of about ${total} frames could be read; the rest is damaged`);
    }
    await Deno.writeTextFile(join(temporary, RECORD), record);
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.rename(temporary, folder);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    throw storageError(folder, error);
  }
  return aspect;
}

/** The name that a video gives its frames. */
export function videoName(path: string): string {
  return basename(path, extname(path));
}

/** Runs ffmpeg to its end; answers how many frames it wrote. */
async function runFfmpeg(
  path: string,
  folder: string,
  { fps, width, height }: ExtractOptions,
  report: (done: number) => void,
): Promise<number> {
  // Of an upright video the middle, since the whole would be squashed beyond recognition.
  const crop = `crop=iw:if(gt(ih\\,iw)\\,iw*${height}/${width}\\,ih)`;
  const filter = `fps=${fps},${crop},scale=${width}:${height}:flags=area`;
  const quiet = ["-nostdin", "-v", "error", "-progress", "pipe:1"];
  const process = start("ffmpeg", path, [
    ...quiet,
    "-i",
    path,
    "-map",
    "0:v:0",
    "-vf",
    filter,
    join(folder, "%06d.png"),
  ]).spawn();
  // It must not go on writing when this process ends before it.
  const kill = () => process.kill();
  globalThis.addEventListener("unload", kill);
  const errors = new Response(process.stderr).text();
  let frames = 0;
  const lines = process.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const match = String(line).match(/^frame=\s*(\d+)/);
    if (match) report(frames = Number(match[1]));
  }
  const { success, signal } = await process.status;
  globalThis.removeEventListener("unload", kill);
  const text = await errors;
  if (success) return frames;
  if (text.includes("No space left")) throw new Error("os error 28");
  if (signal || /Exiting normally|received signal/.test(text)) {
    throw new DataError(`Cannot take frames out of ${path}: it was stopped; start again`);
  }
  throw notVideo(path, `"${reasonOf(path, text)}"`);
}

function start(program: string, path: string, args: readonly string[]) {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  return {
    spawn: () => attempt(path, () => command.spawn()),
    output: () => attempt(path, () => command.spawn()).output(),
  };
}

/** Deno tells at the start of a process that there is none, or that it may not be started. */
function attempt(path: string, run: () => Deno.ChildProcess): Deno.ChildProcess {
  try {
    return run();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new DataError(
        `Cannot take frames out of ${path}: expected ffmpeg, got none; install it (apt install ffmpeg, ` +
          "brew install ffmpeg, winget install ffmpeg), or name a folder of frames",
      );
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new DataError(
        `Cannot take frames out of ${path}: expected permission to run ffmpeg, got none; add ` +
          "--allow-run=ffmpeg,ffprobe",
      );
    }
    throw error;
  }
}

function notVideo(path: string, got: string): DataError {
  return new DataError(
    `Cannot use ${path} as a video: expected one that ffmpeg can read, got ${got}; replace it or save it anew`,
  );
}

/** What ffmpeg says last of a file. */
function reasonOf(path: string, errors: string): string {
  const last = errors.trim().split("\n").at(-1) ?? "";
  return last.replace(`${path}: `, "").slice(0, 200);
}
