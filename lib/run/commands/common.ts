/**
 * What every command shares: common options, its session, and how it answers.
 *
 * @module
 */

import { join } from "@std/path";
import { type Device, type DeviceName, type Precision, useDevice } from "../../engine/device.ts";
import { writeJson } from "../storage/atomic.ts";
import { Interrupt } from "../interrupt.ts";
import { MetricsLog } from "../storage/metrics_log.ts";
import { Progress } from "../progress.ts";
import type { Session } from "../session.ts";

/** Options that every command has. */
export interface CommonOptions {
  readonly seed?: number;
  readonly device: DeviceName;
  readonly precision: Precision;
  readonly out?: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs `work` in a session on a folder; the first Ctrl-C saves and stops where a stage trains. */
export async function inSession<T>(
  folder: string,
  options: CommonOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const progress = new Progress({ quiet: options.quiet });
  using interrupt = new Interrupt(() =>
    progress.say("stopping: saving first (Ctrl-C again to quit at once)")
  );
  return await work({
    folder,
    log: new MetricsLog(folder),
    progress,
    interrupt,
    warn: (line) => progress.warn(line),
  });
}

/** Starts the engine that is asked for, and has progress name it. */
export async function startDevice(session: Session, options: CommonOptions): Promise<Device> {
  const { precision } = options;
  const device = await useDevice(options.device, { precision, warn: session.warn });
  session.progress.device = device.name;
  return device;
}

/** Keeps a result as JSON in the folder that `--out` names, where it names one. */
export async function keepAnswer(
  { out }: CommonOptions,
  name: string,
  result: unknown,
): Promise<void> {
  if (out === undefined) return;
  await writeJson(join(out, name), result);
}

/** What a run that was interrupted says instead of a result. */
export function answerStopped({ progress, folder }: Session, { json }: CommonOptions): undefined {
  progress.say(`stopped and saved; go on with: --resume --out ${folder} and the same options`);
  if (json) console.log(JSON.stringify({ run: folder, interrupted: true }));
}

/** Prints a result: a table for people, or one JSON object as the last line of stdout. */
export function answer(
  { json }: Pick<CommonOptions, "json">,
  result: unknown,
  table: string,
): void {
  console.log(json ? JSON.stringify(result) : table);
}
