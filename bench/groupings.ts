/**
 * The two groupings of pixels to regions side by side: `components` and `infomap` of the same streets from true
 * depth, each street cut by both in turn. CPCDR_THREADS chooses how many threads both have.
 *
 *     deno run -A bench/groupings.ts [--rounds N]
 *
 * Medians over streets and rounds; the last line of stdout is one JSON object as that of bench/peers, infomap the peer.
 *
 * @module
 */
import { readFrames } from "../lib/data/read_ahead.ts";
import { streetScenes } from "../lib/data/street/scenes.ts";
import { useDevice } from "../lib/engine/device.ts";
import { defaultRegionConfig, type Grouping } from "../lib/regions/config.ts";
import { depthRegions } from "../lib/regions/depth_regions.ts";
import { type Case, compared, roundsOption, runPeerBench, takeTurns } from "./peers/support.ts";

/** Height, width, streets. */
const SIZES = [[64, 128, 30], [192, 384, 12], [384, 768, 5]];
const ROUNDS = 3;

async function main(): Promise<Case[]> {
  console.error((await useDevice("cpu")).detail);
  const rounds = roundsOption(ROUNDS);
  const results: Case[] = [];
  for (const [height, width, streets] of SIZES) {
    const scenes = streetScenes({
      seed: 0,
      split: "validation",
      sequences: streets,
      framesPerSequence: 1,
    });
    const frames = await Array.fromAsync(
      readFrames(scenes, scenes.frames.keys(), { height, width }),
    );
    const depths = frames.map(({ depth }) => ({
      height,
      width,
      disparity: depth!.map((metres) => 1 / metres),
    }));
    const cut = (grouping: Grouping) => {
      let turn = 0;
      return () => {
        const i = turn++ % streets, config = { ...defaultRegionConfig, grouping };
        const started = performance.now();
        depthRegions(depths[i], frames[i].intrinsics!, config, frames[i]);
        return (performance.now() - started) / 1000;
      };
    };
    const turns = [cut("components"), cut("infomap")];
    const [components, infomap] = await takeTurns(rounds * streets, turns);
    results.push(compared(`regions of ${height}x${width}`, "s", components, infomap, "infomap"));
  }
  return results;
}

if (import.meta.main) await runPeerBench(main);
