/**
 * `mix`: previews mixed images as the contrastive stage sees them.
 *
 * @module
 */

import { join } from "@std/path";
import { writePicture } from "../../data/write.ts";
import { mixedBatch } from "../../mix/batches.ts";
import type { PasteShape } from "../../mix/config.ts";
import { mixedPicture } from "../../report/pictures.ts";
import { type PresetName, PRESETS } from "../presets.ts";
import { mixSources } from "../pretrain_stage.ts";
import { freeFolder } from "../run_folder.ts";
import { textTable } from "../table.ts";
import { answer, inSession } from "./common.ts";
import { framesWithDepth, type SourceOptions } from "./sources.ts";

/** Options of `mix`. */
export interface MixOptions extends SourceOptions {
  readonly preset: PresetName;
  readonly paste: PasteShape;
  readonly batches: number;
}

/** Runs the command. */
export async function mix(options: MixOptions): Promise<void> {
  const standard = PRESETS[options.preset];
  const preset = { ...standard, mix: { ...standard.mix, paste: options.paste } };
  const folder = options.out ?? await freeFolder("mix");
  await inSession(folder, options, async (session) => {
    const { frames, maps, regions } = await framesWithDepth(session, options, preset);
    const sources = mixSources(session, frames, maps, regions, preset.mix);
    let images = 0, copies = 0;
    for (let step = 0; step < options.batches; step++) {
      const batch = mixedBatch(sources, preset.mix, options.seed, step);
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
    }
    const result = { out: folder, images, copiesPerImage: copies / images };
    answer(
      options,
      result,
      textTable(["what", "value"], Object.entries(result).map(([k, v]) => [k, String(v)])),
    );
  });
}
