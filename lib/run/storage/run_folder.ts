/**
 * The folder of a run: `config.json`, `metrics.jsonl`, checkpoints, `result.json`, `report.html`.
 *
 * @module
 */

import { join } from "@std/path";
import { CheckpointError, ConfigError, storageError } from "../../errors.ts";
import type { Intrinsics } from "../../records.ts";
import { isFile, isFolder } from "../../data/listing.ts";
import { readIfThere, writeJson } from "./atomic.ts";
import { newestStep } from "./checkpoint.ts";
import type { Preset, PresetName } from "../presets.ts";

/** What a run is made of, as config.json stores it. */
export interface RunConfig {
  /** What made it. */
  readonly command: "pretrain" | "depth";
  /** What `settings` began as. */
  readonly preset: PresetName;
  /** Fixes every random draw. */
  readonly seed: number;
  /** Dataset folders; `scenes` stands for the embedded ones. */
  readonly data: readonly string[];
  /** A run whose depth network is taken instead of training one. */
  readonly depthRun?: string;
  /** Of all frames, instead of what the datasets say. */
  readonly intrinsics?: Intrinsics;
  /** Frames a second that are taken out of videos. */
  readonly fps?: number;
  /** A safetensors file under torchvision's names that the backbone begins from. */
  readonly backboneWeights?: string;
  /** The preset with what the command line changed. */
  readonly settings: Preset;
}

/** Settings in which two configurations differ, by their names in config.json. */
export function differences(a: unknown, b: unknown, path = ""): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  const plain = (value: unknown) =>
    typeof value !== "object" || value === null || Array.isArray(value);
  if (plain(a) || plain(b)) return [path];
  const [x, y] = [a, b] as Record<string, unknown>[];
  return [...new Set([...Object.keys(x), ...Object.keys(y)])]
    .flatMap((key) => differences(x[key], y[key], path ? `${path}.${key}` : key));
}

/** The value of a setting by its name, such as `depth.steps`; undefined where there is none. */
export function settingAt(config: unknown, name: string): unknown {
  return name.split(".").reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    config,
  );
}

/** Locked by the process that works in a run's folder. */
const LOCK = ".lock";

/** Where the depth stage of a run keeps its checkpoints. */
export function depthFolder(run: string): string {
  return join(run, "depth");
}

/**
 * Makes the folder of a run, or finds it again. It belongs to this process until what comes back is disposed.
 *
 * @param resume goes on with the folder's own configuration, which `config` must agree with.
 * @throws {ConfigError} when the folder holds a run and `resume` is false, or holds none and it is true; when it is
 * a dataset, or another process is at work in it.
 * @throws {CheckpointError} when its config.json cannot be read.
 */
export async function prepareRun(
  folder: string,
  config: RunConfig,
  resume: boolean,
): Promise<Disposable> {
  await requireNoDataset(folder, "--out");
  const path = join(folder, "config.json");
  const stored = await readIfThere(path);
  const own = stored === undefined ? undefined : parseConfig(path, stored);
  if (resume) {
    if (!own) {
      throw new ConfigError(`Cannot resume ${folder}: expected a run, got none; check --out`);
    }
    requireSame(folder, own, config);
  } else if (await isBegun(folder)) {
    throw new ConfigError(
      `Cannot start a run in ${folder}: it holds one already; add --resume or choose another --out`,
    );
  }
  const lock = await lockRun(folder);
  // One that was stopped before it had anything to save makes way.
  if (!resume) await writeJson(path, config);
  return lock;
}

/** Whether a run has saved anything. */
async function isBegun(folder: string): Promise<boolean> {
  return await newestStep(folder) > 0 || await newestStep(depthFolder(folder)) > 0 ||
    await isFile(join(folder, "result.json"));
}

/** @throws {ConfigError} when another process holds the run. */
async function lockRun(folder: string): Promise<Disposable> {
  const path = join(folder, LOCK);
  try {
    await Deno.mkdir(folder, { recursive: true });
    const file = await Deno.open(path, { write: true, create: true });
    // Not every file system has locks, nor has Deno before 2.7.
    if (await file.tryLock?.(true).catch(() => true) ?? true) {
      return {
        [Symbol.dispose]() {
          try {
            Deno.removeSync(path);
          } catch { /* Windows keeps what is open. */ }
          file.close();
        },
      };
    }
    file.close();
  } catch (error) {
    throw storageError(path, error);
  }
  throw new ConfigError(
    `Cannot work in ${folder}: another process does; wait for it or choose another --out`,
  );
}

/** @throws {ConfigError} naming a setting that differs. */
function requireSame(folder: string, own: RunConfig, config: RunConfig): void {
  const [name] = differences(own, config);
  if (name === undefined) return;
  const [has, asked] = [own, config].map((side) => JSON.stringify(settingAt(side, name)) ?? "none");
  throw new ConfigError(
    `Cannot resume ${folder}: its settings differ (${name}: it has ${has}, asked is ${asked}); repeat ` +
      "the options that it was started with",
  );
}

/**
 * Results must not lie among frames, whose own maps have the same names.
 *
 * @throws {ConfigError} when the folder that an option names is a dataset.
 */
export async function requireNoDataset(folder: string, option: string): Promise<void> {
  const signs = [join(folder, "images"), join(folder, "dataset.json")];
  if (!await isFolder(signs[0]) && !await isFile(signs[1])) return;
  throw new ConfigError(
    `Cannot write to ${folder}: it is a dataset, whose own files may have the same names; choose another ${option}`,
  );
}

/**
 * The configuration of a run.
 *
 * @throws {CheckpointError} when the folder holds no run.
 */
export async function readRun(folder: string): Promise<RunConfig> {
  const path = join(folder, "config.json");
  const text = await readIfThere(path);
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot read run ${folder}: expected its config.json, got none; name a folder that pretrain or depth wrote`,
    );
  }
  return parseConfig(path, text);
}

/**
 * @throws {CheckpointError} when the folder holds no run, one whose depth network saw frames of another
 * size (what it says of larger or smaller ones is not to be trusted), or one whose encoder is no
 * backbone for settings that begin from it.
 */
export async function requireDepthRun(folder: string, preset: Preset): Promise<void> {
  const { preset: name, settings: { height, width, depth } } = await readRun(folder);
  const { pretrain } = preset;
  if (
    pretrain.backbone === "depth" &&
    (depth.depth !== pretrain.depth || depth.width !== pretrain.width)
  ) {
    throw new CheckpointError(
      `Cannot begin from the depth network of ${folder}: expected a ResNet-${pretrain.depth} of width ` +
        `${pretrain.width}, got ResNet-${depth.depth} of width ${depth.width}; name a --depth-run of the same --preset`,
    );
  }
  if (height === preset.height && width === preset.width) return;
  throw new CheckpointError(
    `Cannot take depth from ${folder}: expected frames of ${preset.height} x ${preset.width}, got preset ` +
      `${name} with ${height} x ${width}; name a --depth-run of the same --preset`,
  );
}

function parseConfig(path: string, text: string): RunConfig {
  try {
    const config: RunConfig = JSON.parse(text);
    const { data, preset, seed, settings: { height, width, depth, pretrain } } = config;
    const isSize = (value: unknown) => Number.isInteger(value) && Number(value) > 0;
    if (
      Array.isArray(data) && data.length > 0 && data.every((path) => typeof path === "string") &&
      typeof preset === "string" && Number.isInteger(seed) && isSize(height) && isSize(width) &&
      depth && pretrain
    ) {
      return config;
    }
  } catch { /* falls through to the one error */ }
  throw new CheckpointError(
    `Cannot read ${path}: expected the settings of a run, got something else; put the file back or start over ` +
      "in another folder",
  );
}

/** Bytes of a name that leave room for what files add to it; most systems take 255. */
const LONGEST_NAME = 200;

/** A folder under runs/ that is free: the name, cut where it is too long, or the name with a number. */
export async function freeFolder(name: string): Promise<string> {
  let short = name;
  while (new TextEncoder().encode(short).length > LONGEST_NAME) short = short.slice(1);
  for (let k = 1;; k++) {
    const folder = join("runs", k === 1 ? short : `${short}-${k}`);
    if (!await Deno.stat(folder).then(() => true, () => false)) return folder;
  }
}
