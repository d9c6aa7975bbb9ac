/**
 * `scenes`: writes the embedded street scenes as an ordinary dataset.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { isFolder, listFolder } from "../../data/listing.ts";
import { readFrames } from "../../data/read_ahead.ts";
import { streetScenes, type StreetSplit } from "../../data/street/scenes.ts";
import { writeDescription, writeFrame } from "../../data/write.ts";
import type { Intrinsics } from "../../records.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";

/** Options of `scenes`. */
export interface ScenesOptions extends CommonOptions {
  readonly sequences: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly split: StreetSplit;
}

/** Runs the command. */
export async function scenes(options: ScenesOptions): Promise<void> {
  const { seed = 0, split, sequences, frames: framesPerSequence, height, width } = options;
  const folder = options.out ?? "scenes";
  if (!await isEmpty(folder)) {
    throw new ConfigError(
      `Cannot write scenes to ${folder}: it holds files already; choose another --out`,
    );
  }
  await inSession(folder, options, async (session) => {
    const dataset = streetScenes({ seed, split, sequences, framesPerSequence });
    const cameras: Record<string, Intrinsics> = {};
    let written = 0;
    for await (const frame of readFrames(dataset, dataset.frames.keys(), { height, width })) {
      await writeFrame(folder, frame);
      cameras[frame.sequence] = frame.intrinsics!;
      session.progress.update("scenes", ++written, dataset.frames.length);
    }
    const { name, classes, ignore, fps } = dataset;
    await writeDescription(folder, { name, classes, ignore, fps, cameras });
    const result = { out: folder, frames: dataset.frames.length, classes };
    answer(
      options,
      result,
      textTable(["what", "value"], [["folder", folder], ["frames", String(result.frames)]]),
    );
  });
}

async function isEmpty(folder: string): Promise<boolean> {
  if (!await isFolder(folder)) return true;
  const { files, folders } = await listFolder(folder);
  return files.length + folders.length === 0;
}
