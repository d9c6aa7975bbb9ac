/**
 * `regions`: cuts frames into coherent depth regions and reports their quality.
 *
 * @module
 */

import { join } from "@std/path";
import { writeMap16, writePicture } from "../../data/write.ts";
import type { Frame, RegionMap } from "../../records.ts";
import { depthRegions } from "../../regions/depth_regions.ts";
import { framePicture, regionPicture, sideBySide } from "../../report/pictures.ts";
import { intrinsicsFor } from "../inputs.ts";
import { qualityRows, RegionQuality } from "../region_quality.ts";
import { freeFolder } from "../storage/run_folder.ts";
import { textTable } from "../table.ts";
import { resolveRun, type RunOptions } from "../run_options.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";
import { framesWithDepth } from "./sources.ts";

/** Options of `regions`. */
export type RegionsOptions = CommonOptions & Omit<RunOptions, "steps" | "depthSteps" | "paste">;

/** Runs the command. */
export async function regions(options: RegionsOptions): Promise<void> {
  const config = await resolveRun(undefined, options);
  const folder = options.out ?? await freeFolder("regions");
  await inSession(folder, options, async (session) => {
    const input = await framesWithDepth(session, options, config);
    const { dataset, frames, maps } = input;
    const quality = new RegionQuality(dataset);
    let total = 0, milliseconds = 0;
    for (const [i, frame] of frames.entries()) {
      const started = performance.now();
      const map = depthRegions(maps[i], intrinsicsFor(frame), input.regions, frame);
      milliseconds += performance.now() - started;
      total += map.regions.length;
      quality.add(map, frame);
      await writeRegions(folder, frame, map);
      session.progress.update("regions", i + 1, frames.length);
    }
    const score = quality.score();
    const result = {
      out: folder,
      grouping: input.regions.grouping,
      depth: input.depth,
      frames: frames.length,
      regionsPerFrame: total / frames.length,
      millisecondsPerFrame: milliseconds / frames.length,
      ...score,
    };
    const rows = [
      ["regions a frame", result.regionsPerFrame.toFixed(1)],
      ["milliseconds a frame", result.millisecondsPerFrame.toFixed(1)],
      ...(score ? qualityRows(score) : []),
    ];
    answer(options, result, textTable([`grouping ${input.regions.grouping}`, "value"], rows));
  });
}

async function writeRegions(folder: string, frame: Frame, map: RegionMap): Promise<void> {
  const { rgb, height, width } = sideBySide([framePicture(frame), regionPicture(map, frame)]);
  await writePicture(join(folder, "pictures", `${frame.name}.png`), rgb, height, width);
  const path = join(folder, "regions", `${frame.name}.png`);
  await writeMap16(path, Uint16Array.from(map.ids), map.height, map.width);
}
