/**
 * The commands of the CLI, each from its parsed options to its result. Each is loaded when it is called:
 * the engines, codecs and plots of all of them take longer to load than a wrong option takes to name.
 *
 * @module
 */

import type { CommonOptions } from "./commands/common.ts";
import type { DepthOptions } from "./commands/depth.ts";
import type { EvaluateOptions } from "./commands/evaluate_options.ts";
import type { ExportOptions } from "./commands/export.ts";
import type { MixOptions } from "./commands/mix.ts";
import type { PretrainOptions } from "./commands/pretrain.ts";
import type { RegionsOptions } from "./commands/regions.ts";
import type { RunsOptions } from "./commands/runs.ts";
import type { ScenesOptions } from "./commands/scenes.ts";

export async function depth(options: DepthOptions): Promise<void> {
  await (await import("./commands/depth.ts")).depth(options);
}

export async function doctor(options: CommonOptions): Promise<void> {
  await (await import("./commands/doctor.ts")).doctor(options);
}

export async function evaluate(options: EvaluateOptions): Promise<void> {
  await (await import("./commands/evaluate.ts")).evaluate(options);
}

export async function exportRun(options: ExportOptions): Promise<void> {
  await (await import("./commands/export.ts")).exportRun(options);
}

export async function mix(options: MixOptions): Promise<void> {
  await (await import("./commands/mix.ts")).mix(options);
}

export async function pretrain(options: PretrainOptions): Promise<void> {
  await (await import("./commands/pretrain.ts")).pretrain(options);
}

export async function regions(options: RegionsOptions): Promise<void> {
  await (await import("./commands/regions.ts")).regions(options);
}

export async function runs(folders: readonly string[], options: RunsOptions): Promise<void> {
  await (await import("./commands/runs.ts")).runs(folders, options);
}

export async function scenes(options: ScenesOptions): Promise<void> {
  await (await import("./commands/scenes.ts")).scenes(options);
}
