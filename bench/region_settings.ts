/**
 * Regions by settings, from the depth that a run's network predicts for validation streets:
 *
 *     deno run -A bench/region_settings.ts --run DIR [--superpixels 60,120,230] [--jumps 0.04,0.06] [--areas 0.002,0.004]
 *
 * Every combination is tried around the settings of the run. More regions are purer by themselves: compare those of about
 * as many regions a frame. The last line of stdout is one JSON object.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { readFrames } from "../lib/data/read_ahead.ts";
import { useDevice } from "../lib/engine/device.ts";
import type { DepthMap, Frame } from "../lib/records.ts";
import type { RegionConfig } from "../lib/regions/config.ts";
import { depthRegions } from "../lib/regions/depth_regions.ts";
import { depthOfRun, scoreDepth } from "../lib/run/depth_stage.ts";
import { scenesOf } from "../lib/run/inputs.ts";
import { RegionQuality } from "../lib/run/region_quality.ts";
import { readRun } from "../lib/run/storage/run_folder.ts";
import { textTable } from "../lib/run/table.ts";
import { runBench } from "./peers/support.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      run: { type: "string", default: "runs/pretrain" },
      superpixels: { type: "string", default: "60,120,230" },
      jumps: { type: "string", default: "0.025,0.04,0.06" },
      areas: { type: "string", default: "0.002,0.004" },
    },
  });
  const numbers = (list: string) => list.split(",").map(Number);
  await useDevice("cpu");
  const { settings } = await readRun(values.run);
  const dataset = scenesOf(settings, "validation");
  const frames: Frame[] = await Array.fromAsync(
    readFrames(dataset, dataset.frames.keys(), settings),
  );
  const trainer = await depthOfRun(values.run, console.error);
  const maps: DepthMap[] = [];
  for (const frame of frames) maps.push(...await trainer.predict([frame], { mirror: true }));
  const { absRel } = scoreDepth(maps, frames)!.score;
  const configs = numbers(values.superpixels).flatMap((count) =>
    numbers(values.jumps).flatMap((maxJump) =>
      numbers(values.areas).map((minArea): RegionConfig => ({
        ...settings.regions,
        superpixels: { compactness: 10, iterations: 5, ...settings.regions.superpixels, count },
        maxJump,
        minArea,
      }))
    )
  );
  const rows = configs.map((config) => {
    const quality = new RegionQuality(dataset);
    let regions = 0;
    frames.forEach((frame, i) => {
      const map = depthRegions(maps[i], frame.intrinsics!, config, frame);
      quality.add(map, frame);
      regions += map.regions.length / frames.length;
    });
    const { purity, boundaryRecall, instancesRecovered } = quality.score()!;
    return {
      superpixels: config.superpixels!.count,
      maxJump: config.maxJump,
      minArea: config.minArea,
      regions,
      purity,
      boundaryRecall,
      instancesRecovered,
    };
  });
  const cells = rows.map((row) =>
    Object.values(row).map((value = NaN) =>
      Number.isInteger(value) ? String(value) : value.toFixed(3)
    )
  );
  console.error(`abs_rel of the depth ${absRel.toFixed(3)}\n`);
  console.log(textTable(Object.keys(rows[0]), cells));
  console.log(JSON.stringify({ run: values.run, absRel, rows }));
}

if (import.meta.main) await runBench(main);
