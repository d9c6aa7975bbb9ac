/**
 * `dataset.json`: what a folder of frames cannot say by itself.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Intrinsics } from "../records.ts";
import { isFile, readText } from "./listing.ts";

/** What dataset.json may say. */
export interface Description {
  /** What reports call the dataset; its folder's name by default. */
  readonly name?: string;
  /** Class names by id. */
  readonly classes?: readonly string[];
  /** The label of pixels that do not count, 255 by default. */
  readonly ignore?: number;
  /** Of all frames. */
  readonly intrinsics?: Intrinsics;
  /** Of single sequences, by name, where cameras differ. */
  readonly cameras?: Readonly<Record<string, Intrinsics>>;
  /** Frames a second. */
  readonly fps?: number;
}

/**
 * Reads dataset.json; a folder without one says nothing.
 *
 * @throws {DataError} when it is not a JSON object or a value is out of its range.
 */
export async function readDescription(path: string): Promise<Description> {
  if (!await isFile(path)) return {};
  const text = await readText(path);
  const fail = (expected: string) =>
    new DataError(`Cannot use ${path}: expected ${expected}; correct the file`);
  let description: Description;
  try {
    description = JSON.parse(text);
  } catch (error) {
    throw fail(`JSON, got ${jsonProblem(error)}`);
  }
  if (!isRecord(description)) throw fail(`an object, got ${text.trim().slice(0, 40)}`);
  checkDescription(path, description);
  return description;
}

/** @throws {DataError} when a value is out of its range. */
export function checkDescription(path: string, description: Description): void {
  const fail = (expected: string) => new DataError(`Cannot use ${path}: expected ${expected}`);
  const { name, classes, ignore, intrinsics, cameras, fps } = description;
  if (name !== undefined && typeof name !== "string") throw fail(`name to be text, got ${name}`);
  if (
    classes !== undefined &&
    !(Array.isArray(classes) && classes.every((name) => typeof name === "string"))
  ) {
    throw fail("classes to be a list of names");
  }
  const twice = classes?.find((name, id) => name === "" || classes.indexOf(name) < id);
  if (twice !== undefined) {
    throw fail(`classes to have names of their own, got "${twice}" ${twice ? "twice" : "for one"}`);
  }
  if (ignore !== undefined && !(Number.isInteger(ignore) && ignore >= 0 && ignore <= 255)) {
    throw fail(`ignore to be 0..255, got ${ignore}`);
  }
  if (fps !== undefined && !(isNumber(fps) && fps > 0)) throw fail(`fps above 0, got ${fps}`);
  if (cameras !== undefined && !isRecord(cameras)) {
    throw fail(`cameras to be intrinsics by sequence, got ${JSON.stringify(cameras)}`);
  }
  for (const camera of [intrinsics, ...Object.values(cameras ?? {})]) {
    if (camera === undefined) continue;
    const problem = checkCamera(camera);
    if (problem) {
      throw fail(
        `intrinsics fx, fy above 0 and cx, cy, in image widths and heights, got ${problem}`,
      );
    }
  }
}

/** What a JSON parser says, which quotes the text, in one line. */
export function jsonProblem(error: unknown): string {
  return `"${(error as Error).message.replaceAll(/[\s\p{Cc}]+/gu, " ")}"`;
}

/** True for a camera that can be used: focal lengths above 0. */
export function isIntrinsics(camera: unknown): camera is Intrinsics {
  if (!isRecord(camera)) return false;
  const { fx, fy, cx, cy } = camera as Intrinsics;
  return [fx, fy, cx, cy].every(isNumber) && fx > 0 && fy > 0;
}

/** From here on, focal lengths and principal points in image sizes must be pixels. */
const PIXELS = { focal: 20, principal: 4 };

/** What is wrong with a camera that people wrote down, in words; undefined where nothing is. */
export function checkCamera(camera: unknown): string | undefined {
  if (!isIntrinsics(camera)) {
    // As JSON writes it, which has no word for NaN.
    return JSON.stringify(camera, (_, part) => Number.isNaN(part) ? "NaN" : part);
  }
  const { fx, fy, cx, cy } = camera;
  if (Math.max(fx, fy) < PIXELS.focal && Math.max(Math.abs(cx), Math.abs(cy)) < PIXELS.principal) {
    return undefined;
  }
  return `pixels (${
    [fx, fy, cx, cy].join(", ")
  }); divide fx and cx by the image's width, fy and cy by its height`;
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
