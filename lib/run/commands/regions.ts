/**
 * `regions`: cuts frames into coherent depth regions and reports their quality.
 *
 * @module
 */

import { join } from "@std/path";
import { writeMap16, writePicture } from "../../data/write.ts";
import { depthRegions } from "../../regions/depth_regions.ts";
import { addPurity, emptyPurity, regionPurity } from "../../regions/quality.ts";
import { addRecovery, emptyRecovery, recoveredShares } from "../../regions/recovery.ts";
import { framePicture, regionPicture, sideBySide } from "../../report/pictures.ts";
import { intrinsicsFor } from "../inputs.ts";
import { freeFolder } from "../run_folder.ts";
import { percent, textTable } from "../table.ts";
import { resolveRun, type Wishes } from "../wishes.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";
import { framesWithDepth } from "./sources.ts";

/** Options of `regions`. */
export type RegionsOptions = CommonOptions & Omit<Wishes, "steps" | "depthSteps" | "paste">;

/** Runs the command. */
export async function regions(options: RegionsOptions): Promise<void> {
  const config = await resolveRun(undefined, options);
  const folder = options.out ?? await freeFolder("regions");
  await inSession(folder, options, async (session) => {
    const input = await framesWithDepth(session, options, config);
    const { dataset, frames, maps } = input;
    const counts = emptyPurity(dataset.classes.length);
    const things = emptyRecovery(dataset.classes.length);
    let total = 0;
    for (const [i, frame] of frames.entries()) {
      const map = depthRegions(maps[i], intrinsicsFor(frame), input.regions, frame);
      total += map.regions.length;
      if (frame.labels) addPurity(counts, map, frame.labels, dataset.ignore);
      if (frame.labels && frame.instances) {
        addRecovery(things, map, frame.labels, frame.instances);
      }
      const picture = sideBySide([framePicture(frame), regionPicture(map, frame)]);
      await writePicture(
        join(folder, "pictures", `${frame.name}.png`),
        picture.rgb,
        picture.height,
        picture.width,
      );
      await writeMap16(
        join(folder, "regions", `${frame.name}.png`),
        Uint16Array.from(map.ids),
        map.height,
        map.width,
      );
      session.progress.update("regions", i + 1, frames.length);
    }
    const labelled = dataset.classes.length > 0 && frames.some((frame) => frame.labels);
    const purity = labelled ? regionPurity(counts) : undefined;
    const shares = recoveredShares(things);
    const perClass = Object.fromEntries(
      dataset.classes.map((name, id) => [name, purity?.perClass[id]]),
    );
    const recovered = Object.fromEntries(
      dataset.classes.map((name, id): [string, number] => [name, shares[id]])
        .filter(([, share]) => !Number.isNaN(share)),
    );
    const result = {
      out: folder,
      frames: frames.length,
      regionsPerFrame: total / frames.length,
      purity: purity?.overall,
      perClass,
      recovered,
    };
    const rows = [["regions a frame", result.regionsPerFrame.toFixed(1)]];
    if (purity) {
      rows.push(["purity", `${percent(purity.overall)}%`]);
      dataset.classes.forEach((name, id) =>
        rows.push([`  purity ${name}`, `${percent(purity.perClass[id])}%`])
      );
    }
    for (const [name, share] of Object.entries(recovered)) {
      rows.push([`  instances with a region of their own, ${name}`, `${percent(share)}%`]);
    }
    answer(options, result, textTable(["what", "value"], rows));
  });
}
