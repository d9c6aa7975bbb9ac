/**
 * `mix`: previews mixed images as the contrastive stage sees them.
 *
 * @module
 */

import { join } from "@std/path";
import { writePicture } from "../../data/write.ts";
import { mixedBatch } from "../../mix/batches.ts";
import { mixedPicture } from "../../report/pictures.ts";
import { mixSources } from "../mix_sources.ts";
import { freeFolder } from "../storage/run_folder.ts";
import { textTable } from "../table.ts";
import { resolveRun, type RunOptions } from "../run_options.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";
import { framesWithDepth } from "./sources.ts";

/** Options of `mix`. */
export interface MixOptions
  extends CommonOptions, Omit<RunOptions, "seed" | "steps" | "depthSteps"> {
  readonly batches: number;
}

/** Runs the command. */
export async function mix(options: MixOptions): Promise<void> {
  const config = await resolveRun(undefined, options);
  const folder = options.out ?? await freeFolder("mix");
  await inSession(folder, options, async (session) => {
    const { frames, maps, regions } = await framesWithDepth(session, options, config);
    const sources = mixSources(
      frames,
      maps,
      regions,
      config.settings.mix,
      session.progress.of("regions"),
    );
    let images = 0, copies = 0;
    for (let step = 0; step < options.batches; step++) {
      const batch = mixedBatch(sources, config.settings.mix, config.seed, step);
      copies += batch.copies.length;
      for (let i = 0; i < batch.count; i++, images++) {
        const { rgb, height, width } = mixedPicture(batch, i);
        await writePicture(
          join(folder, `${String(images).padStart(6, "0")}.png`),
          rgb,
          height,
          width,
        );
      }
      session.progress.update("mixed batches", step + 1, options.batches);
    }
    const result = { out: folder, images, copiesPerImage: copies / images };
    answer(
      options,
      result,
      textTable(["what", "value"], Object.entries(result).map(([k, v]) => [k, String(v)])),
    );
  });
}
