/**
 * Regions of a street of 512 x 1024 from its depth, here and the paper's way: 10,000 SLIC superpixels and
 * their graph in scikit-image. The peer stops there; its communities would come on top.
 *
 *     deno run -A bench/peers/regions.ts [--rounds N]
 *
 * @module
 */
import { join } from "@std/path";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import {
  type Case,
  compared,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const HEIGHT = 512, WIDTH = 1024, SEGMENTS = 10_000;
const ROUNDS = 5;

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu");
  console.error(device.detail);
  const scenes = streetScenes({ seed: 1, split: "train", sequences: 1, framesPerSequence: 1 });
  const frame = await scenes.read(0, { height: HEIGHT, width: WIDTH });
  const disparity = frame.depth!.map((metres) => 1 / metres);
  const depth = { height: HEIGHT, width: WIDTH, disparity };
  const path = join(folder, "frame.safetensors");
  const tensors: StateDict = new Map(
    [
      ["rgb", { dtype: "F32", shape: [HEIGHT, WIDTH, 3], data: Float32Array.from(frame.rgb) }],
      ["depth", { dtype: "F32", shape: [HEIGHT, WIDTH], data: Float32Array.from(frame.depth!) }],
    ] as const,
  );
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
  await using peer = await Peer.start("regions_peer.py", device.threads);
  const { name } = await peer.ask<{ name: string }>({ do: "start", path, segments: SEGMENTS });
  let regions = 0;
  const [ours, theirs] = await takeTurns(rounds, [
    () => {
      const started = performance.now();
      regions = depthRegions(depth, frame.intrinsics!).regions.length;
      return (performance.now() - started) / 1000;
    },
    async () => (await peer.ask<{ seconds: number }>({ do: "cut" })).seconds,
  ]);
  console.error(`${regions} regions here`);
  return [compared(`regions of ${HEIGHT}x${WIDTH}`, "s", ours, theirs, name)];
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
