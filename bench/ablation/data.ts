/**
 * What an ablation trains and is scored on: the embedded streets at the size of a preset, or CamVid.
 *
 * @module
 */
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { loadDataset, type LoadedDataset, SCENES, scenesOf } from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import type { Progress } from "../../lib/run/progress.ts";
import { FACTOR_ARMS, MAIN_ARMS, PROTOCOL } from "./arms.ts";
import type { Plan, Split } from "./jobs.ts";

/** A preset, and for CamVid where it lies (`train/` and `val/`), and the KITTI clip that depth is learnt from too. */
export interface Material {
  readonly preset: "tiny" | "small";
  readonly camvid?: string;
  readonly kitti?: string;
}

/** Of CamVid's training frames, the last share, on which settings are chosen. */
const HELD_OUT = 1 / 5;

/** What is run on this data. */
export function planOf({ preset, camvid }: Material): Plan {
  const { testSeeds } = PROTOCOL;
  if (preset === "small") {
    return {
      // The paper's objective alone.
      mainArms: MAIN_ARMS.filter(({ pretrain }) => pretrain === undefined),
      factorArms: [],
      testSeeds: camvid ? testSeeds.slice(0, 3) : testSeeds,
      // A depth network takes an hour, so that seeds share two of them, or one as on CamVid below.
      depthSeedOf: (seed) => camvid ? 0 : seed % 2,
    };
  }
  if (!camvid) {
    return { mainArms: MAIN_ARMS, factorArms: FACTOR_ARMS, testSeeds, depthSeedOf: (seed) => seed };
  }
  // As many clusters as classes where they are as many as classes.
  const mainArms = MAIN_ARMS.map((arm) =>
    arm.pretrain?.prototypes ? { ...arm, pretrain: { ...arm.pretrain, prototypes: CLASSES } } : arm
  );
  // CamVid's frames are a second apart: its depth comes from one network that is trained elsewhere.
  return { mainArms, factorArms: [], testSeeds, depthSeedOf: () => 0 };
}

/** Of CamVid. */
const CLASSES = 11;

/** `--data` of the depth networks. */
export function depthData({ camvid, kitti }: Material): string[] {
  return camvid && kitti ? [kitti, SCENES] : [SCENES];
}

/** Frames of a split. */
export async function loadSplit(
  { preset, camvid }: Material,
  split: "train" | Split,
  progress: Progress,
): Promise<LoadedDataset> {
  const size = PRESETS[preset];
  if (!camvid) return await loadDataset(scenesOf(size, split), size, progress);
  const folder = join(camvid, split === "test" ? "val" : "train");
  const { dataset, frames } = await loadDataset(await openDataset(folder), size, progress);
  if (split === "test") return { dataset, frames };
  const kept = frames.length - Math.floor(frames.length * HELD_OUT);
  return { dataset, frames: split === "train" ? frames.slice(0, kept) : frames.slice(kept) };
}
