/**
 * The folder of a run: `config.json`, `metrics.jsonl`, checkpoints, `result.json`, `report.html`.
 *
 * @module
 */

import { join } from "@std/path";
import { CheckpointError, ConfigError } from "../errors.ts";
import type { Intrinsics } from "../records.ts";
import { writeAtomically } from "./atomic.ts";
import type { Preset, PresetName } from "./presets.ts";

/** What a run is made of, as config.json stores it. */
export interface RunConfig {
  readonly command: "pretrain" | "depth";
  readonly preset: PresetName;
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

/** Where the depth stage of a run keeps its checkpoints. */
export function depthFolder(run: string): string {
  return join(run, "depth");
}

/**
 * Makes the folder of a run, or finds it again.
 *
 * @param resume goes on with the folder's own configuration, which `config` must agree with.
 * @throws {ConfigError} when the folder holds a run and `resume` is false, or holds none and it is true.
 * @throws {CheckpointError} when its config.json cannot be read.
 */
export async function prepareRun(
  folder: string,
  config: RunConfig,
  resume: boolean,
): Promise<void> {
  const path = join(folder, "config.json");
  const stored = await Deno.readTextFile(path).catch(() => undefined);
  const text = JSON.stringify(config, null, 2) + "\n";
  if (stored === undefined) {
    if (resume) {
      throw new ConfigError(`Cannot resume ${folder}: expected a run, got none; check --out`);
    }
    return await writeAtomically(path, text);
  }
  if (!resume) {
    throw new ConfigError(
      `Cannot start a run in ${folder}: it holds one already; add --resume or choose another --out`,
    );
  }
  if (stored === text) return;
  const own = parseConfig(path, stored);
  const [name] = differences(own, config);
  if (name === undefined) return;
  const [has, asked] = [own, config].map((side) => JSON.stringify(settingAt(side, name)) ?? "none");
  throw new ConfigError(
    `Cannot resume ${folder}: its settings differ (${name}: it has ${has}, asked is ${asked}); repeat ` +
      "the options that it was started with",
  );
}

/** @throws {CheckpointError} when the folder holds no run. */
export async function readRun(folder: string): Promise<RunConfig> {
  const path = join(folder, "config.json");
  const text = await Deno.readTextFile(path).catch(() => undefined);
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
    const { depth, pretrain } = config.settings;
    if (config.data.length > 0 && depth && pretrain) return config;
  } catch { /* falls through to the one error */ }
  throw new CheckpointError(
    `Cannot read ${path}: expected the settings of a run, got something else; put the file back or start over ` +
      "in another folder",
  );
}

/** A folder under runs/ that is free: the name, or the name with a number. */
export async function freeFolder(name: string): Promise<string> {
  for (let k = 1;; k++) {
    const folder = join("runs", k === 1 ? name : `${name}-${k}`);
    if (!await Deno.stat(folder).then(() => true, () => false)) return folder;
  }
}
