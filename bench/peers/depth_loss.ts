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
import { toFloats } from "../../lib/depth/augmentation.ts";
import { rotationMatrices } from "../../lib/depth/camera.ts";
import { synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { photometricError } from "../../lib/ops/photometric_error.ts";
import { randomStream } from "../../lib/random.ts";

import { scenesOf } from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { encodeSafetensors } from "../../lib/run/safetensors.ts";
import {
  type Case,
  compared,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const TARGETS = 8, SSIM_WEIGHT = 0.85, ROUNDS = 9, TOLERANCE = 1e-3;

/** What is timed on its own: `views` are given to the errors, positions to nobody but the views. */
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
  const indices = Array.from({ length: 3 * TARGETS }, (_, i) => i);
  const frames: Float32Array[] = [];
  const scenes = scenesOf(PRESETS.small, "train", { frames: 3 });
  for await (const frame of readFrames(scenes, indices, { height, width })) {
    frames.push(toFloats(frame.rgb));
  }
  const stack = (order: number[]) => {
    const shape = [TARGETS, height, width, 3] as [number, number, number, number];
    const all = new Float32Array(TARGETS * height * width * 3);
    order.forEach((at) =>
      indices.slice(0, TARGETS).forEach((i) => all.set(frames[3 * i + at], i * height * width * 3))
    );
    return tf.tensor4d(all, shape);
  };
  const views = 2 * TARGETS;
  const camera = [0.58 * width, 0, 0.5 * width, 0, 1.16 * height, 0.4 * height, 0, 0, 1];
  const matrix = tf.tile(tf.tensor3d(camera, [1, 3, 3]), [views, 1, 1]) as tf.Tensor3D;
  const [fx, , cx, , fy, cy] = camera;
  const inverse = [1 / fx, 0, -cx / fx, 0, 1 / fy, -cy / fy, 0, 0, 1];
  return {
    target: stack([1]),
    sources: tf.concat([stack([0]), stack([2])], 0) as tf.Tensor4D,
    // A road: near below, far above, with some noise.
    disparity: tf.tensor4d(
      Float32Array.from(
        { length: views * height * width },
        (_, i) => 0.02 + 0.2 * (Math.floor(i / width) % height) / height + random.uniform(0, 0.01),
      ),
      [views, height, width, 1],
    ),
    turn: tf.tensor2d(
      Float32Array.from({ length: 3 * views }, () => 0.01 * random.normal()),
      [views, 3],
    ),
    shift: tf.tensor2d(
      Float32Array.from({ length: 3 * views }, () => 0.3 * random.normal()),
      [views, 3],
    ),
    matrix,
    inverse: tf.tile(tf.tensor3d(inverse, [1, 3, 3]), [views, 1, 1]) as tf.Tensor3D,
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
    return { seconds, value: value.dataSync()[0], slope: Math.hypot(...chunkLengths(first)) };
  });
}

/** Lengths of pieces, since `Math.hypot` takes so many arguments only. */
function chunkLengths(values: ArrayLike<number>, size = 4096): number[] {
  const lengths: number[] = [];
  for (let start = 0; start < values.length; start += size) {
    let sum = 0;
    for (let i = start; i < Math.min(values.length, start + size); i++) sum += values[i] ** 2;
    lengths.push(Math.sqrt(sum));
  }
  return lengths;
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
