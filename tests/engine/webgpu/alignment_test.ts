import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals } from "@std/assert";
import { alignmentError, alignMotion, type FramePair } from "../../../lib/depth/alignment.ts";
import {
  cameraMatrices,
  inverseCameraMatrices,
  type Motion,
  rotationMatrices,
} from "../../../lib/depth/camera.ts";
import type { Random } from "../../../lib/random.ts";
import { gpuTest } from "./support.ts";

/** Numbers for a pair of frames: waves of random directions, and a small random motion. */
function draw(random: Random, batch: number, height: number, width: number) {
  const waves = () =>
    Float32Array.from({ length: batch * height * width }, (_, i) => {
      const x = i % width, y = Math.floor(i / width) % height;
      return 0.5 + 0.2 * Math.sin(0.3 * x + phase) + 0.2 * Math.cos(0.4 * y + 0.2 * x - phase);
    });
  let phase = random.uniform(0, 6);
  const target = waves();
  phase += 0.1;
  const source = waves();
  phase = random.uniform(0, 6);
  const disparity = waves().map((value) => 0.2 + value);
  const small = (size: number) =>
    Float32Array.from({ length: 3 * batch }, () => random.uniform(-size, size));
  return { target, source, disparity, turn: small(0.01), shift: small(0.05), height, width };
}

/** Motion, its improvement by two steps and both errors, on the current engine. */
async function align(drawn: ReturnType<typeof draw>): Promise<number[]> {
  const { target, source, disparity, turn, shift, height, width } = drawn;
  const batch = turn.length / 3;
  const results = tf.tidy(() => {
    const frame = (values: Float32Array) => tf.tensor4d(values, [batch, height, width, 1]);
    const cameras = Array.from({ length: batch }, () => ({ fx: 0.8, fy: 1.1, cx: 0.5, cy: 0.45 }));
    const pair: FramePair = {
      target: frame(target),
      source: frame(source),
      disparity: frame(disparity),
      camera: cameraMatrices(cameras, height, width),
      inverseCamera: inverseCameraMatrices(cameras, height, width),
    };
    const start: Motion = {
      rotation: rotationMatrices(tf.tensor2d(turn, [batch, 3])),
      translation: tf.tensor2d(shift, [batch, 3]),
    };
    const found = alignMotion(pair, start, 2);
    return [
      found.rotation,
      found.translation,
      alignmentError(pair, start),
      alignmentError(pair, found),
    ];
  });
  const values: number[] = [];
  for (const result of results) values.push(...await result.data());
  tf.dispose(results);
  return values;
}

for (const [height, width] of [[1, 1], [7, 5], [33, 47]]) {
  gpuTest(
    `AlignMotion and AlignmentError agree with their composed forms at ${height} x ${width}`,
    async (random) => {
      const drawn = draw(random, 3, height, width);
      assert(tf.getKernel("AlignMotion", "webgpu") && !tf.getKernel("AlignMotion", "cpu"));
      const ours = await align(drawn);
      await tf.setBackend("cpu");
      const theirs = await align(drawn);
      await tf.setBackend("webgpu");
      ours.forEach((value, i) => assertAlmostEquals(value, theirs[i], 1e-3, `element ${i}`));
      // Rotations, translations, errors before and after.
      const [before, after] = [ours.slice(36, 39), ours.slice(39)].map((all) => Math.max(...all));
      if (height > 30) assert(after < before, `the error went from ${before} to ${after}`);
    },
  );
}
