import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  alignmentError,
  alignMotion,
  alignMotions,
  type FramePair,
  insideShare,
  isBetter,
} from "../../lib/depth/alignment.ts";
import {
  cameraMatrices,
  camerasOf,
  inverseCameraMatrices,
  type Motion,
  rotationMatrices,
} from "../../lib/depth/camera.ts";
import { refineMotions } from "../../lib/depth/refine_motions.ts";
import { synthesizeView } from "../../lib/depth/view_synthesis.ts";
import { readFrames } from "../../lib/data/read_ahead.ts";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { tinyDepthConfig } from "../../lib/depth/config.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";

const { engine } = await useDevice("cpu");

/** Waves of random directions, so that brightness tells every motion. */
function waves(random: Random, batch: number, height: number, width: number): tf.Tensor4D {
  const values = new Float32Array(batch * height * width);
  for (let item = 0; item < batch; item++) {
    const parts = Array.from(
      { length: 6 },
      () => [random.uniform(-0.5, 0.5), random.uniform(-0.5, 0.5), random.uniform(0, 6)],
    );
    for (let i = 0; i < height * width; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const sum = parts.reduce((sum, [a, b, c]) => sum + Math.sin(a * x + b * y + c), 0);
      values[item * height * width + i] = 0.5 + 0.06 * sum;
    }
  }
  return tf.tensor4d(values, [batch, height, width, 1]);
}

/** A source, the target that a known motion makes of it, and that motion. */
function scene(seed: number, batch = 2, height = 40, width = 56) {
  const random = randomStream(seed);
  const source = waves(random, batch, height, width);
  const depths = tf.add(0.5, tf.mul(waves(random, batch, height, width), 0.8)) as tf.Tensor4D;
  const intrinsics = Array.from(
    { length: batch },
    () => ({ fx: random.uniform(0.7, 1), fy: random.uniform(0.9, 1.3), cx: 0.5, cy: 0.45 }),
  );
  const camera = cameraMatrices(intrinsics, height, width);
  const inverseCamera = inverseCameraMatrices(intrinsics, height, width);
  const small = (size: number) =>
    tf.tensor2d(Array.from({ length: batch * 3 }, () => random.uniform(-size, size)), [batch, 3]);
  const truth: Motion = { rotation: rotationMatrices(small(0.01)), translation: small(0.02) };
  const target = synthesizeView(source, depths, truth, camera, inverseCamera);
  const pair: FramePair = { target, source, disparity: depths, camera, inverseCamera };
  return { pair, truth, intrinsics };
}

function atRest(batch: number): Motion {
  return {
    rotation: tf.tile(tf.expandDims(tf.eye(3), 0), [batch, 1, 1]) as tf.Tensor3D,
    translation: tf.zeros([batch, 3]),
  };
}

const distance = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];

Deno.test("alignMotion() finds the motion that made the target", () => {
  const seed = Math.floor(Math.random() * 1e6);
  tf.tidy(() => {
    const { pair, truth } = scene(seed);
    const found = alignMotion(pair, atRest(2), 12);
    assert(distance(found.rotation, truth.rotation) < 1e-3, `seed ${seed}`);
    assert(distance(found.translation, truth.translation) < 2e-3, `seed ${seed}`);
    const [before, after] = [atRest(2), found].map((m) => tf.max(alignmentError(pair, m)));
    assert(after.dataSync()[0] < 0.01 * before.dataSync()[0], `seed ${seed}`);
  });
});

Deno.test("alignMotion() and alignmentError() are the same fused and composed", {
  ignore: engine !== "native",
}, async () => {
  const seed = Math.floor(Math.random() * 1e6);
  const answers: number[][] = [];
  for (const backend of ["native", "cpu"]) {
    await tf.setBackend(backend);
    // Sizes that no vector fits, and a motion that moves part of the target out of the source.
    for (const [height, width] of [[1, 1], [7, 5], [33, 47]]) {
      tf.tidy(() => {
        const { pair } = scene(seed, 3, height, width);
        const start = { ...atRest(3), translation: tf.fill([3, 3], 0.05) as tf.Tensor2D };
        const { rotation, translation } = alignMotion(pair, start, 2);
        const moved = [rotation, translation, alignmentError(pair, start)];
        answers.push(moved.flatMap((tensor) => [...tensor.dataSync()]));
      });
    }
  }
  await tf.setBackend("native");
  const half = answers.length / 2;
  for (let i = 0; i < half; i++) {
    assertEquals(answers[i].length, answers[half + i].length);
    answers[i].forEach((v, k) => assertAlmostEquals(v, answers[half + i][k], 2e-3, `seed ${seed}`));
  }
});

Deno.test("refineMotions() has the network learn both parts of what it is off by", () => {
  const seed = Math.floor(Math.random() * 1e6);
  tf.tidy(() => {
    const { pair, truth, intrinsics } = scene(seed, 2, 32, 64);
    const colours = (x: tf.Tensor4D) => tf.tile(x, [1, 1, 1, 3]) as tf.Tensor4D;
    const [target, source] = [colours(pair.target), colours(pair.source)];
    const triplet = { target, sources: [source, target] as const, cameras: camerasOf(intrinsics) };
    const alignment = [{ shrink: 1, iterations: 8 }];
    const rest = [atRest(2), atRest(2)] as const;
    const { motions, loss } = refineMotions(triplet, pair.disparity, rest, { alignment });
    // The first source has moved; the second is the target itself.
    assert(distance(motions[0].translation, truth.translation) < 0.02, `seed ${seed}`);
    assert(distance(motions[1].translation, rest[1].translation) < 1e-4, `seed ${seed}`);
    const off = (part: "rotation" | "translation") =>
      motions.flatMap((motion, k) => {
        const own = rest[k][part].dataSync();
        return Array.from(motion[part].dataSync(), (value, i) => Math.abs(value - own[i]));
      });
    const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const [turns, ways] = [mean(off("rotation")), mean(off("translation"))];
    assertAlmostEquals(loss.dataSync()[0], turns + ways, 1e-6, `seed ${seed}`);
  });
});

Deno.test("alignMotions() keeps a motion that it cannot better, and lets no gradient pass", () => {
  const seed = Math.floor(Math.random() * 1e6);
  tf.tidy(() => {
    const { pair, truth, intrinsics } = scene(seed, 2, 32, 64);
    const colours = (x: tf.Tensor4D) => tf.tile(x, [1, 1, 1, 3]);
    const input = {
      target: colours(pair.target),
      source: colours(pair.source),
      disparity: pair.disparity,
      cameras: camerasOf(intrinsics),
    };
    const levels = [{ shrink: 2, iterations: 2 }, { shrink: 1, iterations: 6 }];
    const kept = alignMotions(input, truth, levels);
    assert(distance(kept.translation, truth.translation) < 1e-5, `seed ${seed}`);
    const gradient = tf.grad((disparity) =>
      tf.sum(
        alignMotions({ ...input, disparity: disparity as tf.Tensor4D }, atRest(2), levels)
          .translation,
      )
    )(input.disparity);
    assertEquals(tf.max(tf.abs(gradient)).dataSync()[0], 0);
  });
});

/** Items of the same motion but for the translation along x. */
function shifted(by: readonly number[]): Motion {
  const rest = atRest(by.length);
  return { ...rest, translation: tf.tensor2d(by.flatMap((x) => [x, 0, 0]), [by.length, 3]) };
}

for (const backend of engine === "native" ? ["native", "cpu"] : ["cpu"]) {
  Deno.test(`isBetter() takes no motion that throws pixels out of view (${backend})`, async () => {
    await tf.setBackend(backend);
    const seed = Math.floor(Math.random() * 1e6);
    try {
      tf.tidy(() => {
        const { pair, truth } = scene(seed, 3);
        const start = shifted([0.05, 0.05, 0.05]);
        for (const far of [20, 200]) {
          const motion = {
            rotation: truth.rotation,
            translation: tf.concat([
              tf.slice(truth.translation, [0, 0], [1, -1]),
              shifted([far, -far]).translation,
            ]) as tf.Tensor2D,
          };
          const [share] = insideShare(pair, motion).dataSync();
          assert(share > 0.7 && share <= 1, `seed ${seed}: ${share}`);
          assertEquals([...insideShare(pair, motion).dataSync()].slice(1), [0, 0]);
          // An error of nothing at all is the lowest.
          assertEquals([...alignmentError(pair, motion).dataSync()].slice(1), [0, 0]);
          assertEquals([...isBetter(pair, motion, start).dataSync()], [1, 0, 0], `seed ${seed}`);
        }
        // Rounding takes rows at the border or leaves them. A plane a metre away: a shift by a third and by two thirds of the width.
        const plane = { ...pair, disparity: tf.onesLike(pair.disparity) };
        const width = pair.target.shape[2], [fx] = pair.camera.dataSync();
        const shares = [1 / 3, 2 / 3].map((part) =>
          insideShare(plane, shifted(Array(3).fill(part * width / fx))).dataSync()[0]
        );
        assertAlmostEquals(shares[0], 2 / 3, 0.1, `seed ${seed}`);
        assertAlmostEquals(shares[1], 1 / 3, 0.1, `seed ${seed}`);
      });
    } finally {
      await tf.setBackend(engine === "native" ? "native" : "cpu");
    }
  });
}

Deno.test("alignMotions() keeps pixels in view where frames have nothing to do with each other", async () => {
  const size = { height: 64, width: 128 };
  const street = { seed: 0, split: "train", sequences: 6, framesPerSequence: 2 } as const;
  const scenes = streetScenes(street);
  const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
  const image = ({ rgb }: Frame) =>
    tf.tensor4d(Float32Array.from(rgb, (v) => v / 255), [1, size.height, size.width, 3]);
  /** The share of pixels that are inside at the end, and whether the camera has moved at all. */
  const align = (target: Frame, source: Frame) =>
    tf.tidy(() => {
      const metres = Float32Array.from(target.depth!, (metres) => 1 / metres);
      const disparity = tf.tensor4d(metres, [1, size.height, size.width, 1]);
      const cameras = camerasOf([target.intrinsics!]);
      const images = { target: image(target), source: image(source), disparity };
      const motion = alignMotions({ ...images, cameras }, atRest(1), tinyDepthConfig.alignment);
      const { matrix: camera, inverse: inverseCamera } = cameras(size.height, size.width);
      const [share] = insideShare({ ...images, camera, inverseCamera }, motion).dataSync();
      return { share, moved: distance(motion.translation, tf.zeros([1, 3])) > 0 };
    });
  frames.forEach((target, at) => {
    const neighbour = align(target, frames[at ^ 1]);
    assert(neighbour.moved && neighbour.share > 0.7, `${target.name}: ${neighbour.share}`);
    for (const further of [2, 4]) {
      const other = frames[(at + further) % frames.length];
      const { share } = align(target, other);
      assert(share >= 0.5, `${target.name} to ${other.name}: ${share}`);
    }
  });
});
