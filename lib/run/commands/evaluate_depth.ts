/**
 * `evaluate --protocol depth`: scores a run's depth and pose networks, on frames that need not have been trained
 * on.
 *
 * @module
 */

import { absRelPerClass, hasDepth } from "../../depth/metrics.ts";
import {
  meanPoseScore,
  poseMetrics,
  type PoseScore,
  relativeMotion,
} from "../../depth/pose_metrics.ts";
import type { DepthTrainer } from "../../depth/trainer.ts";
import { DataError } from "../../errors.ts";
import type { DepthMap, Frame } from "../../records.ts";
import { depthOfRun, predictDepth, scoreDepth } from "../depth_stage.ts";
import {
  cameraOf,
  type DepthTarget,
  findTargets,
  framesFolder,
  loadDataset,
  type LoadedDataset,
  openInputs,
  SCENES,
  scenesOf,
} from "../inputs.ts";
import { readRun, type RunConfig } from "../storage/run_folder.ts";
import type { Session } from "../session.ts";
import { stackTargets } from "../stage_inputs.ts";
import { textTable } from "../table.ts";
import { answer, inSession, keepAnswer, startDevice } from "./common.ts";
import type { EvaluateOptions } from "./evaluate_options.ts";

/** Frames of each street, so that the middle one has two neighbours. */
const FRAMES = 3;

/** A camera that goes straight ahead: what a pose network must beat. */
const AHEAD = { rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], translation: [0, 0, -1] };
const BACK = { ...AHEAD, translation: [0, 0, 1] };

/** Runs the command. */
export async function evaluateDepth(options: EvaluateOptions): Promise<void> {
  await inSession(options.run, options, async (session) => {
    const config = await readRun(options.run);
    const path = options.data?.[0] ?? config.data[0];
    const { dataset: { classes }, frames } = await framesOf(path, config, options, session);
    const targets = findTargets(frames, false);
    if (targets.length === 0 && !frames.some(({ depth }) => depth)) {
      throw new DataError(
        `Cannot score depth on ${path}: expected true depth or three frames in a row of one video, got neither; ` +
          "name video as --data",
      );
    }
    const device = await startDevice(session, options);
    const trainer = await depthOfRun(config.depthRun ?? options.run, session.warn);
    const { maps } = await predictDepth(session, trainer, frames);
    const scores = scoreDepth(maps, frames);
    const perClass = scoreClasses(maps, frames, classes);
    const views = targets.length > 0 ? await assessAll(trainer, frames, targets, session) : {};
    trainer.dispose();
    const result = {
      run: options.run,
      data: path,
      split: path === SCENES ? options.split : undefined,
      protocol: "depth",
      device: device.detail,
      frames: frames.length,
      ...(scores ? { ...scores.score, constantAbsRel: scores.constant.absRel } : {}),
      ...(perClass ? { absRelPerClass: perClass } : {}),
      ...views,
    };
    const figures = [
      ...Object.entries(result),
      ...(perClass ?? []).map((absRel, id) => [`absRel of ${classes[id]}`, absRel] as const),
    ];
    const rows = figures.flatMap(([key, value]) =>
      typeof value === "number" && !Number.isNaN(value) ? [[key, value.toFixed(4)]] : []
    );
    await keepAnswer(options, "evaluation.json", result);
    answer(options, result, textTable(["protocol depth", "value"], rows));
  });
}

/** abs_rel by class, where frames have both depth and labels. */
function scoreClasses(
  maps: readonly DepthMap[],
  frames: readonly Frame[],
  classes: readonly string[],
): number[] | undefined {
  const known = frames.flatMap(({ depth, labels }, i) =>
    depth && labels && hasDepth(depth) ? [{ predicted: maps[i], truth: depth, labels }] : []
  );
  return known.length > 0 ? absRelPerClass(known, classes.length) : undefined;
}

/** Streets of three frames where the data is the embedded scenes, all frames of anything else. */
async function framesOf(
  path: string,
  config: RunConfig,
  { split }: EvaluateOptions,
  session: Session,
): Promise<LoadedDataset> {
  if (path === SCENES) {
    const dataset = scenesOf(config.settings, split, { frames: FRAMES });
    return await loadDataset(dataset, config.settings, session.progress);
  }
  const [input] = await openInputs(
    [path],
    { ...cameraOf(config, path), split },
    framesFolder(session.folder, config, path),
  );
  return await input.load(session);
}

/** Mean photometric errors over all targets, and errors of motion where poses are known. */
async function assessAll(
  trainer: DepthTrainer,
  frames: readonly Frame[],
  targets: readonly DepthTarget[],
  { progress }: Session,
) {
  const poses: PoseScore[] = [], ahead: PoseScore[] = [];
  let [photometric, unmoved] = [0, 0];
  const { batchSize } = trainer.config;
  for (let start = 0; start < targets.length; start += batchSize) {
    const chosen = targets.slice(start, start + batchSize);
    const assessed = await trainer.assess(stackTargets(frames, chosen));
    photometric += assessed.photometric * chosen.length / targets.length;
    unmoved += assessed.unmoved * chosen.length / targets.length;
    chosen.forEach((target, i) => {
      const truth = trueMotions(frames, target);
      if (!truth) return;
      poses.push(poseMetrics(assessed.motions[i], truth));
      ahead.push(poseMetrics(target.offsets.map((offset) => offset > 0 ? AHEAD : BACK), truth));
    });
    progress.update("views", start + chosen.length, targets.length);
  }
  if (poses.length === 0) return { photometric, unmoved };
  const ours = meanPoseScore(poses), straight = meanPoseScore(ahead);
  return {
    photometric,
    unmoved,
    poseAte: ours.ate,
    poseRotation: ours.rotation,
    poseDirection: ours.direction,
    straightAheadAte: straight.ate,
    straightAheadRotation: straight.rotation,
    straightAheadDirection: straight.direction,
  };
}

function trueMotions(frames: readonly Frame[], { target, offsets }: DepthTarget) {
  const { pose } = frames[target];
  const others = offsets.map((offset) => frames[target + offset].pose);
  if (!pose || others.some((other) => !other)) return undefined;
  return others.map((other) => relativeMotion(pose, other!));
}
