/**
 * What the photometric error says of wrong depths, class by class, on validation streets, whose depth and motion are known:
 *
 *     deno run -A bench/depth_landscape.ts [--preset small | --run DIR] [--streets 32] [--shrink 1]
 *
 * True depth is multiplied by 0.5 to 2, and neighbours are warped by it and the true motion. Where the error stays as it is
 * next to the truth, its gradient leads nowhere: depth learns from there only what smoothness and other classes tell it. With a
 * run, the last columns say what its depth network answers: abs_rel, the share of pixels that are half as far again or more,
 * or as near, and the error by its depth and the motions that alignment finds for it. The last line of stdout is one JSON object.
 *
 *     --shrink N    compare at 1 / N of the frames' size, as a pyramid's coarser levels do
 *
 * @module
 */
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { readFrames } from "../lib/data/read_ahead.ts";
import { toFloats } from "../lib/depth/augmentation.ts";
import { type Cameras, camerasOf, type Motion } from "../lib/depth/camera.ts";
import { defaultDepthConfig } from "../lib/depth/config.ts";
import { scaledDepths } from "../lib/depth/metrics.ts";
import { photometricError } from "../lib/ops/photometric_error.ts";
import { relativeMotion, type RigidMotion } from "../lib/depth/pose_metrics.ts";
import type { DepthTrainer } from "../lib/depth/trainer.ts";
import { sourcePositions, synthesizeView } from "../lib/depth/view_synthesis.ts";
import { useDevice } from "../lib/engine/device.ts";
import { shrinkImage } from "../lib/ops/shrink_image.ts";
import type { Frame } from "../lib/records.ts";
import { depthOfRun } from "../lib/run/depth_stage.ts";
import { type DepthTarget, findTargets, scenesOf } from "../lib/run/inputs.ts";
import { type PresetName, PRESETS } from "../lib/run/presets.ts";
import { readRun } from "../lib/run/storage/run_folder.ts";
import { stackTargets } from "../lib/run/stage_inputs.ts";
import { textTable } from "../lib/run/table.ts";
import { median, runBench } from "./peers/support.ts";

/** What true depth is multiplied by. */
const FACTORS = [0.5, 0.67, 0.8, 0.9, 1, 1.11, 1.25, 1.5, 2];
/** Every so many pixels gives its parallax to the medians. */
const SPARSE = 37;

/** Sums over the pixels of a class. */
interface Tally {
  pixels: number;
  /** The error at each of {@linkcode FACTORS} times the true depth. */
  readonly errors: number[];
  /** Pixels that a neighbour's view moves by, of some of them. */
  readonly parallax: number[];
  /** Pixels of known depth, and of what a network says of it. */
  scored: number;
  absRel: number;
  far: number;
  near: number;
  predicted: number;
}

const emptyTally = (): Tally => ({
  pixels: 0,
  errors: FACTORS.map(() => 0),
  parallax: [],
  scored: 0,
  absRel: 0,
  far: 0,
  near: 0,
  predicted: 0,
});

/** A target with its neighbours as tensors `[1,H,W,3]` at 1 / shrink of their size. */
interface Views {
  readonly target: tf.Tensor4D;
  readonly sources: readonly tf.Tensor4D[];
  readonly shrink: number;
  readonly frame: Frame;
}

/** What `measure` says of each pixel at the compared size, `[H,W]` at the frames' own size. */
function atOwnSize(
  { frame, shrink }: Views,
  disparity: Float32Array,
  measure: (near: tf.Tensor4D, cameras: Cameras) => tf.Tensor,
) {
  const { height, width } = frame;
  return tf.tidy(() => {
    const near = shrinkImage(tf.tensor4d(disparity, [1, height, width, 1]), shrink);
    const [, rows, columns] = near.shape;
    const measured = measure(near, camerasOf([frame.intrinsics!])(rows, columns));
    const image = tf.reshape(measured, [1, rows, columns, 1]) as tf.Tensor4D;
    return tf.image.resizeNearestNeighbor(image, [height, width]).dataSync();
  });
}

/** Least photometric error over both neighbours. */
function errorOf(views: Views, disparity: Float32Array, motions: readonly RigidMotion[]) {
  const { sources, target } = views, { ssimWeight } = defaultDepthConfig;
  return atOwnSize(views, disparity, (near, { matrix, inverse }) => {
    const warped = sources.map((source, i) =>
      synthesizeView(source, near, tensorsOf(motions[i]), matrix, inverse)
    );
    return tf.min(photometricError(tf.concat(warped, 0), target, ssimWeight), 0);
  });
}

/** Pixels at the compared size by which the camera's way moves what is seen. */
function parallaxOf(views: Views, disparity: Float32Array, motion: RigidMotion) {
  return atOwnSize(views, disparity, (near, { matrix, inverse }) => {
    const at = (inverseDepth: tf.Tensor4D) =>
      sourcePositions(inverseDepth, tensorsOf(motion), matrix, inverse);
    return tf.norm(tf.sub(at(near), at(tf.zerosLike(near))), 2, 3);
  });
}

function tensorsOf({ rotation, translation }: RigidMotion): Motion {
  return {
    rotation: tf.tensor3d([...Array.from(rotation)], [1, 3, 3]),
    translation: tf.tensor2d([...Array.from(translation)], [1, 3]),
  };
}

function tallyTarget(
  tallies: readonly Tally[],
  views: Views,
  truth: readonly RigidMotion[],
): void {
  const { depth, labels } = views.frame;
  const disparity = Float32Array.from(depth!, (metres) => 1 / metres);
  const errors = FACTORS.map((factor) => errorOf(views, disparity.map((d) => d / factor), truth));
  const parallax = parallaxOf(views, disparity, truth[1]);
  labels!.forEach((label, pixel) => {
    const tally = tallies[label];
    if (!tally) return;
    tally.pixels++;
    errors.forEach((error, i) => tally.errors[i] += error[pixel]);
    if (pixel % SPARSE === 0) tally.parallax.push(parallax[pixel]);
  });
}

/** Adds what a network says, scaled by medians. */
async function tallyNetwork(
  tallies: readonly Tally[],
  trainer: DepthTrainer,
  views: Views,
  frames: readonly Frame[],
  target: DepthTarget,
): Promise<void> {
  const { depth, labels } = views.frame;
  const [map] = await trainer.predict([views.frame]);
  const { motions: [motions] } = await trainer.assess(stackTargets(frames, [target]));
  const error = errorOf(views, map.disparity, motions);
  labels!.forEach((label, pixel) => {
    if (tallies[label]) tallies[label].predicted += error[pixel];
  });
  const { counted, estimate, actual } = scaledDepths(map, depth!);
  counted.forEach((pixel, i) => {
    const tally = tallies[labels![pixel]];
    if (!tally) return;
    const ratio = estimate[i] / actual[i];
    tally.scored++;
    tally.absRel += Math.abs(ratio - 1);
    tally.far += Number(ratio > 1.5);
    tally.near += Number(ratio < 1 / 1.5);
  });
}

/** A row of the answer: means over a class's pixels. */
function rowOf(name: string, tally: Tally, all: number) {
  const { pixels, errors, parallax, scored, absRel, far, near, predicted } = tally;
  return {
    name,
    share: pixels / all,
    parallax: median(parallax),
    errors: errors.map((sum) => sum / pixels),
    ...(predicted > 0
      ? {
        absRel: absRel / scored,
        far: far / scored,
        near: near / scored,
        predicted: predicted / pixels,
      }
      : {}),
  };
}

/** All classes together. */
function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce((sum, tally) => ({
    pixels: sum.pixels + tally.pixels,
    errors: sum.errors.map((error, i) => error + tally.errors[i]),
    parallax: sum.parallax.concat(tally.parallax),
    scored: sum.scored + tally.scored,
    absRel: sum.absRel + tally.absRel,
    far: sum.far + tally.far,
    near: sum.near + tally.near,
    predicted: sum.predicted + tally.predicted,
  }), emptyTally());
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      preset: { type: "string", default: "small" },
      run: { type: "string" },
      streets: { type: "string", default: "32" },
      shrink: { type: "string", default: "1" },
    },
  });
  await useDevice("cpu");
  const settings = values.run
    ? (await readRun(values.run)).settings
    : PRESETS[values.preset as PresetName];
  const trainer = values.run ? await depthOfRun(values.run, console.error) : undefined;
  const dataset = scenesOf(settings, "validation", { frames: 3 });
  const indices = [...dataset.frames.keys()].slice(0, 3 * Number(values.streets));
  const frames = await Array.fromAsync(readFrames(dataset, indices, settings));
  const tallies = dataset.classes.map(emptyTally);
  for (const target of findTargets(frames, false)) {
    const frame = frames[target.target], { height, width } = frame;
    const others = target.offsets.map((offset) => frames[target.target + offset]);
    const shrink = Number(values.shrink);
    const [image, ...sources] = [frame, ...others].map(({ rgb }) => {
      const pixels = tf.tensor4d(toFloats(rgb), [1, height, width, 3]);
      const small = shrinkImage(pixels, shrink);
      if (small !== pixels) pixels.dispose();
      return small;
    });
    const views: Views = { target: image, sources, shrink, frame };
    const truth = others.map(({ pose }) => relativeMotion(frame.pose!, pose!));
    tallyTarget(tallies, views, truth);
    if (trainer) await tallyNetwork(tallies, trainer, views, frames, target);
    tf.dispose([image, ...sources]);
  }
  const all = sumOf(tallies);
  const rows = [
    ...dataset.classes.map((name, id) => rowOf(name, tallies[id], all.pixels)),
    rowOf("all", all, all.pixels),
  ];
  const network = ["absRel", "far", "near", "predicted"] as const;
  const head = ["class", "share", "parallax", ...FACTORS.map((factor) => `x ${factor}`)];
  const cells = rows.map((row) => [
    row.name,
    row.share.toFixed(3),
    row.parallax.toFixed(1),
    ...row.errors.map((error) => error.toFixed(4)),
    ...(trainer ? network.map((key) => row[key]?.toFixed(4) ?? "-") : []),
  ]);
  console.log(textTable(trainer ? [...head, ...network] : head, cells));
  console.log(JSON.stringify({ run: values.run, shrink: Number(values.shrink), rows }));
}

if (import.meta.main) await runBench(main);
