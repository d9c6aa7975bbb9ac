/**
 * Configuration files for `--config`: the shape of a run's config.json, whole or in part.
 *
 * @module
 */

import { closestString } from "@std/text";
import { LONGEST_SIDE } from "../data/dataset.ts";
import { checkCamera, jsonProblem } from "../data/description.ts";
import { readText } from "../data/listing.ts";
import { HIGHEST_FPS } from "../data/video.ts";
import { ConfigError } from "../errors.ts";
import type { Intrinsics } from "../records.ts";
import { LOSS_SIZES, POSE_ENCODERS, REPROJECTIONS } from "../depth/config.ts";
import { PASTE_SHAPES } from "../mix/config.ts";
import { BACKBONES, OBJECTIVES } from "../pretrain/config.ts";
import { defaultRegionConfig, GROUPINGS, REGION_SOURCES } from "../regions/config.ts";
import { type Preset, type PresetName, PRESETS } from "./presets.ts";

/** What a file may say; `settings` holds any part of a preset, to any depth. */
export interface ConfigFile {
  readonly command?: "pretrain" | "depth";
  readonly preset?: PresetName;
  readonly seed?: number;
  readonly data?: readonly string[];
  readonly depthRun?: string;
  readonly backboneWeights?: string;
  readonly intrinsics?: Intrinsics;
  readonly fps?: number;
  readonly settings?: unknown;
}

type Fields = Record<string, unknown>;

/** What settings look like: as in a preset, or, for sharp depth, in none of them. */
const SHAPES: readonly Preset[] = [
  ...Object.values(PRESETS),
  { ...PRESETS.tiny, regions: defaultRegionConfig },
];
const PRESET_NAMES = Object.keys(PRESETS);
/** Choices of which no preset shows all. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "settings.depth.lossSize": LOSS_SIZES,
  "settings.depth.poseEncoder": POSE_ENCODERS,
  "settings.depth.reprojection": REPROJECTIONS,
  "settings.mix.paste": PASTE_SHAPES,
  "settings.mix.lossRegions": REGION_SOURCES,
  "settings.regions.grouping": GROUPINGS,
  "settings.pretrain.objective": OBJECTIVES,
  "settings.pretrain.backbone": BACKBONES,
};
/** Settings that count something and that no stage checks by itself. */
const COUNTS =
  /^settings\.(height|width|saveEvery|scenes\..*|mix\.sources|regions\.groundTrials|regions\.superpixels\.(count|iterations))$/;
/** Networks halve the image five times and double it back. */
const SIDE_STEP = 32;

/**
 * Reads a configuration file.
 *
 * @throws {ConfigError} naming the file and the key when a key is unknown or a value has the wrong type;
 * {DataError} when it cannot be read.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readText(path);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw refused(path, "JSON", jsonProblem(error), "correct the file");
  }
  const top: Fields = {
    command: "",
    preset: "",
    seed: 0,
    data: [""],
    depthRun: "",
    backboneWeights: "",
    intrinsics: {},
    fps: 0,
    settings: {},
  };
  if (!isFields(file)) throw refused(path, "an object", show(file), "see config.json of a run");
  knownKeys(path, "", file, [top]);
  const { command, preset, seed, data, depthRun, backboneWeights, intrinsics, fps, settings } =
    file;
  const require = (key: string, holds: boolean, expected: string) => {
    if (key in file && !holds) throw refused(path, `${key} to be ${expected}`, show(file[key]));
  };
  require("command", command === "pretrain" || command === "depth", "pretrain or depth");
  require("preset", PRESET_NAMES.includes(String(preset)), PRESET_NAMES.join(", "));
  require("seed", Number.isInteger(seed) && Number(seed) >= 0, "a whole number of at least 0");
  require("data", isNames(data), "a list of at least one folder or video");
  require("depthRun", typeof depthRun === "string", "the folder of a run");
  require("backboneWeights", typeof backboneWeights === "string", "a safetensors file");
  require(
    "fps",
    typeof fps === "number" && fps > 0 && fps <= HIGHEST_FPS,
    `a number above 0 and at most ${HIGHEST_FPS}`,
  );
  if (intrinsics !== undefined) {
    const problem = checkCamera(intrinsics);
    if (problem) throw refused(path, "intrinsics", problem);
  }
  require("settings", isFields(settings), "an object");
  if (settings !== undefined) checkPart(path, "settings", settings, SHAPES);
  return file as ConfigFile;
}

/**
 * A preset with the settings of a file. Where the file was written for another preset, what it
 * changes there is changed here, and what it leaves as it was is this preset's.
 *
 * @throws {ConfigError} when a setting that comes in several kinds is not whole.
 */
export function withFile(path: string, name: PresetName, file: ConfigFile): Preset {
  const written = PRESETS[file.preset ?? name];
  const settings = merged(PRESETS[name], written, file.settings ?? {});
  // Keys keep the preset's order, which config.json has too.
  return whole(path, "settings", settings, [PRESETS[name], ...SHAPES]) as Preset;
}

/** What `change` says over `base`; a value that is as `written` says nothing. */
function merged(base: unknown, written: unknown, change: unknown): unknown {
  if (!isFields(base) || !isFields(change)) {
    return JSON.stringify(change) === JSON.stringify(written) ? base : change;
  }
  const origin = isFields(written) ? written : {};
  const result: Fields = { ...base };
  for (const [key, value] of Object.entries(change)) {
    result[key] = merged(base[key], origin[key], value);
  }
  return result;
}

/** Compares with what the presets have in the same place. */
function checkPart(path: string, key: string, value: unknown, shapes: readonly unknown[]): void {
  const kinds = new Set(shapes.map(kindOf));
  if (!kinds.has(kindOf(value))) {
    throw refused(path, `${key} to be ${[...kinds].join(" or ")}`, show(value));
  }
  if (isFields(value)) {
    const samples = shapes.filter(isFields);
    knownKeys(path, key, value, samples);
    for (const [name, part] of Object.entries(value)) {
      const inner = samples.filter((sample) => name in sample).map((sample) => sample[name]);
      checkPart(path, `${key}.${name}`, part, inner);
    }
  } else if (Array.isArray(value)) {
    const samples = shapes.filter(Array.isArray);
    const lengths = new Set(samples.map((sample) => sample.length));
    if (lengths.size === 1 && !lengths.has(value.length)) {
      throw refused(path, `${key} to be a list of ${[...lengths][0]}`, show(value));
    }
    value.forEach((part, i) => checkPart(path, `${key}.${i}`, part, samples.flat()));
  } else if (typeof value === "string") {
    const choices = CHOICES[key] ?? [...new Set(shapes.filter((shape) => shape !== null))];
    if (!choices.includes(value)) {
      throw refused(path, `${key} to be ${choices.join(" or ")}`, value);
    }
  } else if (typeof value === "number") {
    checkNumber(path, key, value);
  }
}

function checkNumber(path: string, key: string, value: number): void {
  if (COUNTS.test(key) && !(Number.isInteger(value) && value >= 1)) {
    throw refused(path, `${key} to be a whole number of at least 1`, show(value));
  }
  if (
    /^settings\.(height|width)$/.test(key) && (value % SIDE_STEP !== 0 || value > LONGEST_SIDE)
  ) {
    throw refused(
      path,
      `${key} to be a multiple of ${SIDE_STEP} up to ${LONGEST_SIDE}`,
      show(value),
    );
  }
  if (value < 0 && !key.endsWith("Cosine")) {
    throw refused(path, `${key} to be at least 0`, show(value));
  }
}

/** The value without keys that belong to another `kind` of it; every key of its own must be there. */
function whole(path: string, key: string, value: unknown, shapes: readonly unknown[]): unknown {
  if (!isFields(value)) return value;
  const samples = shapes.filter(isFields);
  const ofKind = samples.filter((sample) => sample.kind === value.kind);
  const known = ofKind.length > 0 ? ofKind : samples;
  const result: Fields = {};
  for (const name of new Set(known.flatMap((sample) => Object.keys(sample)))) {
    if (!(name in value)) throw refused(path, `${key}.${name}`, "none", "add it");
    const inner = known.filter((sample) => name in sample).map((sample) => sample[name]);
    result[name] = whole(path, `${key}.${name}`, value[name], inner);
  }
  return result;
}

function knownKeys(path: string, key: string, value: Fields, samples: readonly Fields[]): void {
  const known = [...new Set(samples.flatMap((sample) => Object.keys(sample)))];
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const place = key ? `${key}.${name}` : name;
    const elsewhere = [...new Set(SHAPES.flatMap((shape) => placesOf(name, "settings", shape)))];
    const meant = elsewhere.length > 0 ? elsewhere.join(" or ") : closestString(name, known);
    const remedy = `did you mean ${meant}?`;
    throw refused(path, "keys of a run's config.json", `the unknown key ${place}`, remedy);
  }
}

/** Where a setting of this name is in a preset. */
function placesOf(name: string, key: string, fields: unknown): string[] {
  if (!isFields(fields)) return [];
  return Object.entries(fields).flatMap(([inner, value]) => [
    ...inner === name ? [`${key}.${inner}`] : [],
    ...placesOf(name, `${key}.${inner}`, value),
  ]);
}

function refused(path: string, expected: string, got: string, remedy = "correct it"): ConfigError {
  return new ConfigError(`Cannot use ${path}: expected ${expected}, got ${got}; ${remedy}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  const names: Record<string, string> = {
    object: "an object",
    string: "text",
    number: "a number",
    boolean: "true or false",
  };
  return names[typeof value];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 &&
    value.every((name) => typeof name === "string" && name !== "");
}

function show(value: unknown): string {
  return JSON.stringify(value).slice(0, 60);
}
