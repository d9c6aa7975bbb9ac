/**
 * What an ablation trains and is scored on: the embedded streets, or CamVid.
 *
 * @module
 */
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { loadDataset, type LoadedDataset, SCENES, scenesOf } from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import type { Progress } from "../../lib/run/progress.ts";
import { FACTOR_ARMS, MAIN_ARMS } from "./arms.ts";
import type { Plan, Split } from "./jobs.ts";

/** Where CamVid lies (`train/` and `val/`), and the KITTI clip that depth is learnt from beside the streets. */
export interface Folders {
  readonly camvid?: string;
  readonly kitti?: string;
}

/** Of CamVid's training frames, the last share, on which settings are chosen. */
const HELD_OUT = 1 / 5;

/** What is run on this data. */
export function planOf({ camvid }: Folders): Plan {
  if (!camvid) {
    return { mainArms: MAIN_ARMS, factorArms: FACTOR_ARMS, depthSeedOf: (seed) => seed };
  }
  // As many clusters as classes where they are as many as classes.
  const mainArms = MAIN_ARMS.map((arm) =>
    arm.pretrain?.prototypes ? { ...arm, pretrain: { ...arm.pretrain, prototypes: CLASSES } } : arm
  );
  // CamVid's frames are a second apart: its depth comes from one network that is trained elsewhere.
  return { mainArms, factorArms: [], depthSeedOf: () => 0 };
}

/** Of CamVid. */
const CLASSES = 11;

/** `--data` of the depth networks. */
export function depthData({ camvid, kitti }: Folders): string[] {
  return camvid && kitti ? [kitti, SCENES] : [SCENES];
}

/** Frames of a split. */
export async function loadSplit(
  { camvid }: Folders,
  split: "train" | Split,
  progress: Progress,
): Promise<LoadedDataset> {
  if (!camvid) return await loadDataset(scenesOf(PRESETS.tiny, split), PRESETS.tiny, progress);
  const folder = join(camvid, split === "test" ? "val" : "train");
  const { dataset, frames } = await loadDataset(await openDataset(folder), PRESETS.tiny, progress);
  if (split === "test") return { dataset, frames };
  const kept = frames.length - Math.floor(frames.length * HELD_OUT);
  return { dataset, frames: split === "train" ? frames.slice(0, kept) : frames.slice(kept) };
}
