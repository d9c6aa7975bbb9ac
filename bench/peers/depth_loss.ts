/**
 * What depth training compares frames by, here and in eager PyTorch on the CPU: views synthesised from 16 sources, their
 * photometric error to 8 targets at the size of preset `small`, and the gradients in disparity and motion.
 *
 *     deno run -A bench/peers/depth_loss.ts [--rounds N]
 *
 * Both sides have the same street scenes, disparities, motions and threads and must agree on error and gradients.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { join } from "@std/path";
import { readFrames } from "../../lib/data/read_ahead.ts";
import { type Pixels, toFloats } from "../../lib/depth/augmentation.ts";
import { camerasOf, rotationMatrices } from "../../lib/depth/camera.ts";
import { synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { randomStream } from "../../lib/random.ts";
import { depthTargets, scenesOf } from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { stackTargets } from "../../lib/run/stage_inputs.ts";
import {
  type Case,
  compared,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const TARGETS = 8, SSIM_WEIGHT = PRESETS.small.depth.ssimWeight, ROUNDS = 9, TOLERANCE = 1e-3;

/** What is timed on its own; the error alone is that of the sources as they are. */
const PARTS = ["synthesis", "error", "both"] as const;
type Part = typeof PARTS[number];

interface Answer {
  readonly seconds: number;
  /** Mean of what the part makes. */
  readonly value: number;
  /** Length of the first gradient: of disparity, or of views. */
  readonly slope: number;
}

async function drawInputs() {
  const { height, width } = PRESETS.small;
  const random = randomStream(1, "bench", "depth loss");
  const scenes = scenesOf(PRESETS.small, "train", { frames: 3 });
  const indices = Array.from({ length: 3 * TARGETS }, (_, i) => i);
  const frames = await Array.fromAsync(readFrames(scenes, indices, { height, width }));
  const batch = stackTargets(frames, depthTargets(frames, false));
  const images = (pixels: Pixels) => tf.tensor4d(toFloats(pixels), [TARGETS, height, width, 3]);
  const views = 2 * TARGETS;
  const draw = (size: number, deviation: number) =>
    Float32Array.from({ length: size }, () => random.normal(0, deviation));
  // A road: near below, far above, with some noise.
  const disparity = Float32Array.from(
    { length: views * height * width },
    (_, i) => 0.02 + 0.2 * (Math.floor(i / width) % height) / height + random.uniform(0, 0.01),
  );
  return {
    target: images(batch.target),
    sources: tf.concat(batch.sources.map(images), 0) as tf.Tensor4D,
    disparity: tf.tensor4d(disparity, [views, height, width, 1]),
    turn: tf.tensor2d(draw(3 * views, 0.01), [views, 3]),
    shift: tf.tensor2d(draw(3 * views, 0.3), [views, 3]),
    ...camerasOf([...batch.intrinsics, ...batch.intrinsics])(height, width),
  };
}

type Inputs = Awaited<ReturnType<typeof drawInputs>>;

function step(part: Part, inputs: Inputs, rotation: tf.Tensor3D): Answer {
  const { target, sources, disparity, shift, matrix, inverse } = inputs;
  const synthesis = (d: tf.Tensor, r: tf.Tensor, t: tf.Tensor) => {
    const motion = { rotation: r as tf.Tensor3D, translation: t as tf.Tensor2D };
    return synthesizeView(sources, d as tf.Tensor4D, motion, matrix, inverse);
  };
  const error = (views: tf.Tensor4D) => tf.mean(photometricError(views, target, SSIM_WEIGHT));
  const started = performance.now();
  return tf.tidy(() => {
    const { value, grads } = part === "error"
      ? tf.valueAndGrads((views: tf.Tensor) => error(views as tf.Tensor4D) as tf.Scalar)([sources])
      : tf.valueAndGrads((d: tf.Tensor, r: tf.Tensor, t: tf.Tensor) => {
        const views = synthesis(d, r, t);
        return (part === "both" ? error(views) : tf.mean(views)) as tf.Scalar;
      })([disparity, rotation, shift]);
    const [first] = grads.map((gradient) => gradient.dataSync());
    const seconds = (performance.now() - started) / 1000;
    return { seconds, value: value.dataSync()[0], slope: lengthOf(first) };
  });
}

function lengthOf(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0));
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu");
  console.error(device.detail);
  const inputs = await drawInputs();
  const rotation = rotationMatrices(inputs.turn);
  const path = join(folder, "frames.safetensors");
  const tensors: StateDict = new Map();
  for (const [name, tensor] of Object.entries({ ...inputs, rotation })) {
    const data = await tensor.data() as Float32Array<ArrayBuffer>;
    tensors.set(name, { dtype: "F32", shape: tensor.shape, data });
  }
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
  await using peer = await Peer.start("depth_loss_peer.py", device.threads);
  await peer.ask({ do: "start", path, ssim_weight: SSIM_WEIGHT });
  const cases: Case[] = [];
  for (const part of PARTS) {
    const first = step(part, inputs, rotation);
    const theirs = await peer.ask<Answer>({ do: "step", part });
    console.error(
      `${part}: value ${first.value} here, ${theirs.value} there; length of the gradient ` +
        `${first.slope} and ${theirs.slope}`,
    );
    for (const what of ["value", "slope"] as const) {
      if (!(Math.abs(first[what] - theirs[what]) <= TOLERANCE * Math.abs(theirs[what]))) {
        throw new DeviceError(
          `Cannot compare ${part}: expected the same ${what}, got ${first[what]} here and ` +
            `${theirs[what]} there`,
        );
      }
    }
    const [own, other] = await takeTurns(rounds, [
      () => step(part, inputs, rotation).seconds,
      async () => (await peer.ask<Answer>({ do: "step", part })).seconds,
    ]);
    const [count, height, width] = inputs.sources.shape;
    const name = `${part}, forward and backward, ${count} x ${height} x ${width}`;
    cases.push(compared(name, "s", own, other, peer.name));
  }
  return cases;
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
