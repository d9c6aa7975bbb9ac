import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type DepthBatch, prepareBatch } from "../../lib/depth/augmentation.ts";
import { checkDepthConfig, type DepthConfig, tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError, DataError, TrainingError } from "../../lib/errors.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { randomStream } from "../../lib/random.ts";

await useDevice("cpu");

const [height, width] = [64, 64];
/** Monodepth2's way of learning at a small size; the tiny preset's own ways are tested one by one. */
const small: DepthConfig = {
  ...tinyDepthConfig,
  alignment: [],
  initialForward: 0,
  meanDisparity: 0,
  smoothness: 1e-3,
  edgeSharpness: 1,
  width: 4,
  decoderWidth: 2,
  poseWidth: 4,
  scales: 2,
  batchSize: 2,
  steps: 40,
  warmupSteps: 2,
  learningRate: 3e-3,
};

/** A plane of smooth texture that slides sideways by `shift` pixels a frame. */
function slidingPlane(count: number, shift: number): DepthBatch {
  const frame = (offset: number) => {
    const pixels = new Float32Array(count * height * width * 3);
    for (let i = 0; i < pixels.length; i++) {
      const [item, c] = [Math.floor(i / (height * width * 3)), i % 3];
      const x = Math.floor(i / 3) % width + shift * offset;
      const y = Math.floor(i / 3 / width) % height;
      const wave = Math.sin(0.31 * x + c + item) + Math.sin(0.23 * y + 0.11 * x) +
        0.5 * Math.sin(0.83 * x + 0.67 * y);
      pixels[i] = 0.5 + 0.15 * wave;
    }
    return pixels;
  };
  return {
    count,
    height,
    width,
    target: frame(0),
    sources: [frame(-1), frame(1)],
    offsets: [Array(count).fill(-1), Array(count).fill(1)],
    intrinsics: Array(count).fill({ fx: 0.8, fy: 0.8, cx: 0.5, cy: 0.5 }),
  };
}

/** Frames as they are. */
const UNVARIED = { ...small.augmentation, flip: 0, jitter: 0 };

/** Expects the last losses to be well below the first. */
function assertFalls(losses: readonly number[]): void {
  const mean = (some: readonly number[]) => some.reduce((a, b) => a + b) / some.length;
  const [early, late] = [mean(losses.slice(0, 3)), mean(losses.slice(-3))];
  assert(late < 0.7 * early, `from ${early} to ${late}`);
}

Deno.test("DepthTrainer.step() learns a sliding plane and keeps no tensor", async () => {
  const plain = { ...small, augmentation: UNVARIED };
  const none = tf.memory().numTensors;
  const trainer = new DepthTrainer(plain, 3);
  const batch = slidingPlane(2, 2);
  const losses: number[] = [];
  await trainer.step(batch, 0);
  const before = tf.memory().numTensors;
  for (let step = 1; step < plain.steps; step++) {
    losses.push((await trainer.step(batch, step)).photometric);
  }
  assertEquals(tf.memory().numTensors, before);
  assertFalls(losses);
  trainer.dispose();
  assertEquals(tf.memory().numTensors, none);
});

Deno.test("DepthTrainer.step() learns with the depth network's encoder in the pose network", async () => {
  const plain: DepthConfig = { ...small, poseEncoder: "shared", augmentation: UNVARIED };
  const trainer = new DepthTrainer(plain, 3), batch = slidingPlane(2, 2);
  const losses: number[] = [];
  for (let step = 0; step < plain.steps; step++) {
    losses.push((await trainer.step(batch, step)).photometric);
  }
  assertFalls(losses);
  const names = [...(await trainer.export()).keys()];
  assert(!names.some((name) => name.startsWith("pose.encoder")), names.join(", "));
  trainer.dispose();
});

Deno.test("DepthTrainer.step() sees a slide by alignment before its networks have learnt it", async () => {
  const batch = slidingPlane(2, 2);
  const still = { ...small.augmentation, flip: 0, jitter: 0 };
  const first = async (change: Partial<DepthConfig>) => {
    const trainer = new DepthTrainer({ ...small, augmentation: still, ...change }, 3);
    const { photometric } = await trainer.step(batch, 0);
    trainer.dispose();
    return photometric;
  };
  const [by, without] = [await first({ alignment: tinyDepthConfig.alignment }), await first({})];
  assert(by < 0.5 * without, `${by} with alignment, ${without} without`);
});

Deno.test("DepthTrainer.assess() explains a slide by motion, beside what standing still leaves", async () => {
  const trainer = new DepthTrainer({ ...small, alignment: tinyDepthConfig.alignment }, 3);
  const batch = slidingPlane(2, 2);
  const before = tf.memory().numTensors;
  const { motions, photometric, unmoved } = await trainer.assess(batch);
  assertEquals(tf.memory().numTensors, before);
  assert(photometric < 0.5 * unmoved, `${photometric} of ${unmoved}`);
  // The plane slides to the left, and so do its points from the earlier camera to the later one.
  for (const [earlier, later] of motions) {
    assert(earlier.translation[0] > 0 && later.translation[0] < 0);
    assertAlmostEquals(earlier.rotation[0], 1, 0.05);
  }
  const still = await trainer.assess({ ...batch, sources: [batch.target, batch.target] });
  assertAlmostEquals(still.unmoved, 0, 1e-6);
  trainer.dispose();
});

Deno.test("DepthTrainer.predict() brings maps to the mean that is asked for", async () => {
  const [minDepth, maxDepth, meanDisparity] = [0.1, 100, 0.3];
  const trainer = new DepthTrainer({ ...small, minDepth, maxDepth, meanDisparity }, 1);
  const random = randomStream(2);
  const frames = [0, 1].map(() => ({
    height,
    width,
    rgb: Uint8Array.from({ length: height * width * 3 }, () => random.integer(256)),
  }));
  for (const { disparity } of await trainer.predict(frames)) {
    const mean = disparity.reduce((sum, d) => sum + d, 0) / disparity.length;
    assertAlmostEquals(mean, 1 / maxDepth + meanDisparity * (1 / minDepth - 1 / maxDepth), 1e-3);
  }
  trainer.dispose();
});

Deno.test("DepthTrainer.import() continues to the same bytes", async () => {
  const batch = slidingPlane(2, 1);
  const straight = new DepthTrainer(small, 5);
  let resumed = new DepthTrainer(small, 5);
  for (let step = 0; step < 4; step++) {
    if (step === 2) {
      const state = await resumed.export();
      resumed.dispose();
      resumed = new DepthTrainer(small, 5);
      resumed.import(state);
    }
    assertEquals(await straight.step(batch, step), await resumed.step(batch, step));
  }
  const state = await straight.export();
  assertEquals(await resumed.export(), state);
  const other = new DepthTrainer({ ...small, width: 8 }, 5);
  assertThrows(() => other.import(state), CheckpointError, "expected shape");
  for (const trainer of [straight, resumed, other]) trainer.dispose();
});

Deno.test("DepthTrainer.import() takes all or nothing, or the networks alone", async () => {
  const batch = slidingPlane(2, 1);
  const [trained, other] = [new DepthTrainer(small, 5), new DepthTrainer(small, 6)];
  await trained.step(batch, 0);
  await other.step(batch, 0);
  const state = await trained.export(), before = await other.export();
  const name = "pose.decoder.3.bias", bias = state.get(name)!;
  const without = (lost: string) => new Map([...state].filter(([name]) => name !== lost));
  const misfits: [StateDict, string][] = [
    [without("optimizer.v.3"), `Cannot load "v.3"`],
    [without("optimizer.step"), `Cannot load "step"`],
    [without(name), name],
    [new Map([...state, [name, { ...bias, data: bias.data.slice(1) }]]), "expected 6 numbers"],
  ];
  for (const [misfit, message] of misfits) {
    assertThrows(() => other.import(misfit), CheckpointError, message);
    assertEquals(await other.export(), before);
  }
  const networks = new Map([...state].filter(([name]) => !name.startsWith("optimizer.")));
  other.import(networks);
  const after = await other.export();
  for (const [name, { data }] of networks) assertEquals(after.get(name)!.data, data, name);
  const fresh = new DepthTrainer(small, 6);
  for (const [name, { data }] of await fresh.export()) {
    if (name.startsWith("optimizer.")) assertEquals(after.get(name)!.data, data, name);
  }
  for (const trainer of [trained, other, fresh]) trainer.dispose();
});

Deno.test("DepthTrainer.importEncoder() begins both networks from one ResNet, as Monodepth2 does", async () => {
  const donor = new DepthTrainer({ ...small, meanDisparity: 0.2 }, 8);
  const weights: StateDict = new Map([
    ...await donor.encoder(),
    ["fc.weight", { dtype: "F32", shape: [3, 2], data: new Float32Array(6) }],
    ["bn1.num_batches_tracked", { dtype: "I32", shape: [], data: Int32Array.of(3) }],
  ]);
  const trainer = new DepthTrainer(small, 1), before = await trainer.export();
  trainer.importEncoder(weights);
  const after = await trainer.export();
  assertEquals([...after.keys()], [...before.keys()]);
  for (const [name, { data }] of after) {
    const [, network, own] = name.match(/^(depth|pose)\.encoder\.(.*)$/) ?? [];
    if (!own) assertEquals(data, before.get(name)!.data, name);
    else if (network === "depth" || own !== "conv1.weight") {
      assertEquals(data, weights.get(own)!.data, name);
    }
  }
  // cat([w, w], 1) / 2 of w `[outputs, 3, 7, 7]`.
  const { shape, data } = weights.get("conv1.weight")!;
  const doubled = after.get("pose.encoder.conv1.weight")!;
  assertEquals([shape, doubled.shape], [[4, 3, 7, 7], [4, 6, 7, 7]]);
  doubled.data.forEach((weight, i) => {
    const [output, input, place] = [Math.floor(i / 294), Math.floor(i / 49) % 6, i % 49];
    assertEquals(weight, data[(output * 3 + input % 3) * 49 + place] / 2);
  });
  donor.dispose();

  const incomplete = new Map([...weights].filter(([name]) => name !== "layer4.1.bn2.running_var"));
  assertThrows(() => trainer.importEncoder(incomplete), CheckpointError, "depth.encoder.layer4.1");
  const wide = new DepthTrainer({ ...small, poseWidth: 8 }, 1), kept = await wide.export();
  assertThrows(() => wide.importEncoder(weights), CheckpointError, "pose.encoder.conv1.weight");
  assertEquals(await wide.export(), kept);
  const eight = new DepthTrainer({ ...small, width: 8 }, 3);
  wide.importEncoder(weights, await eight.encoder());
  const shared = new DepthTrainer({ ...small, poseEncoder: "shared" }, 1);
  shared.importEncoder(weights);
  for (const trained of [trainer, wide, eight, shared]) trained.dispose();
});

Deno.test("DepthTrainer.learntIntrinsics() answers the focal lengths that were learnt", async () => {
  const batch = slidingPlane(2, 1);
  for (const alignment of [[], [{ shrink: 2, iterations: 2 }]] as const) {
    const trainer = new DepthTrainer({ ...small, alignment, learnFocal: true }, 5);
    const [known] = await trainer.learntIntrinsics(batch.intrinsics);
    assertEquals(known, batch.intrinsics[0]);
    for (let step = 0; step < 3; step++) await trainer.step(batch, step);
    const [{ fx, fy, cx, cy }] = await trainer.learntIntrinsics(batch.intrinsics);
    const state = await trainer.export();
    const [logarithm] = state.get("camera.focal")!.data;
    assert(logarithm !== 0);
    assertAlmostEquals(fx, known.fx * Math.exp(logarithm), 1e-6);
    assertAlmostEquals(fy, known.fy * Math.exp(logarithm), 1e-6);
    assertEquals([cx, cy], [known.cx, known.cy]);
    const plain = new DepthTrainer({ ...small, alignment }, 5);
    assertThrows(() => plain.import(state), CheckpointError, "camera.focal");
    assertEquals(await plain.learntIntrinsics(batch.intrinsics), [...batch.intrinsics]);
    trainer.dispose();
    plain.dispose();
  }
});

Deno.test("DepthTrainer.predict() answers positive inverse depths within the bounds", async () => {
  const trainer = new DepthTrainer(small, 1);
  const random = randomStream(2);
  const frames = [0, 1, 2].map(() => ({
    height,
    width: 128,
    rgb: Uint8Array.from({ length: height * 128 * 3 }, () => random.integer(256)),
  }));
  const maps = await trainer.predict(frames);
  assertEquals(maps.map((m) => [m.height, m.width, m.disparity.length]), [
    [64, 128, 8192],
    [64, 128, 8192],
    [64, 128, 8192],
  ]);
  const [low, high] = [Math.fround(1 / small.maxDepth), Math.fround(1 / small.minDepth)];
  for (const { disparity } of maps) assert(disparity.every((d) => d >= low && d <= high));
  // Answers do not depend on the company, and blending with the mirror image changes them.
  const [alone] = await trainer.predict([frames[2]]);
  alone.disparity.forEach((d, i) => assertAlmostEquals(d, maps[2].disparity[i], 1e-4));
  const [blended] = await trainer.predict([frames[2]], { mirror: true });
  assert(blended.disparity.some((d, i) => Math.abs(d - alone.disparity[i]) > 1e-6));
  await assertRejects(
    () => trainer.predict([{ ...frames[0], width: 100 }]),
    ConfigError,
    "multiples of 32",
  );
  await assertRejects(
    () => trainer.predict([frames[0], { ...frames[1], width: 64 }]),
    ConfigError,
    "as the first",
  );
  trainer.dispose();
});

Deno.test("DepthTrainer.predict() with the mirrored look says of mirrored frames the mirrored", async () => {
  const trainer = new DepthTrainer(small, 5);
  const random = randomStream(20261127, "mirrored");
  const frames = Array.from({ length: 3 }, () => ({
    height,
    width,
    rgb: Uint8Array.from({ length: height * width * 3 }, () => random.integer(256)),
  }));
  /** `[H,W,channels]` with every row turned round. */
  const turned = <T extends Uint8Array | Float32Array>(values: T, channels: number): T =>
    values.map((_, i) => {
      const pixel = Math.floor(i / channels), x = pixel % width;
      return values[(pixel - x + width - 1 - x) * channels + i % channels];
    }) as T;
  const maps = await trainer.predict(frames, { mirror: true });
  const mirrored = frames.map((frame) => ({ ...frame, rgb: turned(frame.rgb, 3) }));
  (await trainer.predict(mirrored, { mirror: true })).forEach(({ disparity }, i) => {
    const wanted = turned(maps[i].disparity, 1);
    disparity.forEach((value, k) => assertAlmostEquals(value, wanted[k], 1e-4 * wanted[k]));
  });
  trainer.dispose();
});

Deno.test("DepthTrainer.step() stops at a loss that is not finite and leaves all as it was", async () => {
  const [trainer, other] = [new DepthTrainer(small, 1), new DepthTrainer(small, 1)];
  const batch = slidingPlane(2, 1);
  await trainer.step(batch, 0);
  await other.step(batch, 0);
  const before = await trainer.export(), tensors = tf.memory().numTensors;
  const spoilt = (batch.target as Float32Array).with(1000, NaN);
  const broken: DepthBatch = { ...batch, target: spoilt };
  await assertRejects(() => trainer.step(broken, 1), TrainingError, "finite loss at step 1");
  assertEquals(tf.memory().numTensors, tensors);
  assertEquals(await trainer.export(), before);
  // It goes on as if nothing had been.
  for (let step = 1; step < 3; step++) {
    assertEquals(await trainer.step(batch, step), await other.step(batch, step));
  }
  trainer.dispose();
  other.dispose();
});

Deno.test("DepthTrainer refuses batches that fit no network, and keeps no tensor of them", async () => {
  const trainer = new DepthTrainer(small, 1);
  const batch = slidingPlane(2, 1), [before, after] = batch.sources;
  const tensors = tf.memory().numTensors;
  const short: DepthBatch = { ...batch, sources: [before, after.subarray(3)] };
  const cameras = [{ fx: NaN }, { fy: 0 }, { cx: Infinity }, { fx: 700, fy: 700, cx: 300 }]
    .map((change): DepthBatch => {
      const [camera, second] = batch.intrinsics;
      return { ...batch, intrinsics: [second, { ...camera, ...change }] };
    });
  for (const broken of [short, ...cameras]) {
    for (const use of [() => trainer.step(broken, 0), () => trainer.assess(broken)]) {
      const error = await assertRejects(use, DataError, "Cannot use a depth batch");
      if (broken !== short) assert(error.message.includes("of item 1, got"), error.message);
    }
  }
  // Batch normalisation finds out in the midst of the forward pass.
  await assertRejects(() => trainer.step(slidingPlane(0, 1), 0), ConfigError, "values per channel");
  assertEquals(tf.memory().numTensors, tensors);
  trainer.dispose();
});

Deno.test("DepthTrainer.step() obeys its schedule and its loss settings", async () => {
  const batch = slidingPlane(1, 1);
  const metrics = async (change: Partial<DepthConfig>, step = 1) => {
    const trainer = new DepthTrainer({ ...small, ...change }, 7);
    const result = await trainer.step(batch, step);
    trainer.dispose();
    return result;
  };
  const base = await metrics({});
  assertEquals(base.learningRate, 3e-3);
  const stepped = { kind: "step", at: 0.5, factor: 0.1 } as const;
  assertAlmostEquals((await metrics({ schedule: stepped }, 20)).learningRate, 3e-4, 1e-9);
  assertAlmostEquals((await metrics({ schedule: stepped }, 0)).learningRate, 1.5e-3, 1e-9);
  assertAlmostEquals((await metrics({ smoothness: 1 })).smoothness / base.smoothness, 1000, 1);
  assert((await metrics({ edgeSharpness: 10 })).smoothness < base.smoothness);
  assertEquals((await metrics({ autoMask: false })).moving, 1);
  assert(base.moving < 1);
  const changes: Partial<DepthConfig>[] = [
    { scales: 4 },
    { ssimWeight: 0 },
    { maxDepth: 1 },
    { motionScale: 1 },
    { lossSize: "full" },
    { lossSize: "pyramid" },
    { lossSize: "pyramid", pyramidLevels: 2 },
    { reprojection: "mean" },
    { meanDisparity: 0.22 },
    { decoderNorm: false },
    { imageSkip: false },
    { initialForward: 0.1 },
    { alignment: tinyDepthConfig.alignment },
    { initialDisparity: { ...small.initialDisparity, far: 0.3 } },
    { initialDisparity: { ...small.initialDisparity, near: 0.9 } },
    { initialDisparity: { ...small.initialDisparity, horizon: 0.8 } },
  ];
  for (const change of changes) {
    assert((await metrics(change)).photometric !== base.photometric, JSON.stringify(change));
  }
  // The pose network begins by answering the same whatever it sees.
  const second = async (poseShrink: number) => {
    const trainer = new DepthTrainer({ ...small, poseShrink }, 7);
    await trainer.step(batch, 0);
    const { photometric } = await trainer.step(batch, 1);
    trainer.dispose();
    return photometric;
  };
  assert(await second(1) !== await second(2));
});

Deno.test("prepareBatch() mirrors frames with their cameras and recolours all three alike", () => {
  const batch = slidingPlane(2, 1);
  const cameras = batch.intrinsics.map((k) => ({ ...k, cx: 0.3 }));
  const off = { flip: 0, jitter: 0, jitterStrength: 0.2, jitterHue: 0.1 };
  const random = () => randomStream(4);
  const plain = prepareBatch({ ...batch, intrinsics: cameras }, off, random());
  assertEquals(plain.frames[0], batch.target);
  assertEquals(plain.varied, plain.frames);
  const flipped = prepareBatch({ ...batch, intrinsics: cameras }, { ...off, flip: 1 }, random());
  assertEquals(flipped.intrinsics[1].cx, 0.7);
  const [before, after] = batch.sources;
  assertEquals(flipped.frames[1][0], before[3 * (width - 1)]);
  assertEquals(flipped.frames[2][3 * width + 5], after[3 * (2 * width - 2) + 2]);
  const varied = prepareBatch(
    { ...batch, sources: [batch.target, batch.target] },
    { ...off, jitter: 1 },
    random(),
  );
  assertEquals(varied.frames[0], batch.target);
  assertEquals(varied.varied[0], varied.varied[2]);
  assert(varied.varied[1].some((v, i) => Math.abs(v - varied.frames[1][i]) > 0.01));
});

Deno.test("prepareBatch() hue alone keeps greys and the mean of red, green and blue", () => {
  const one = Float32Array.of(0.5, 0.5, 0.5, 0.5, 0.3, 0.4);
  const batch = { ...slidingPlane(1, 0), height: 1, width: 2 };
  const { varied: [colours] } = prepareBatch(
    { ...batch, target: one, sources: [one, one] },
    { flip: 0, jitter: 1, jitterStrength: 0, jitterHue: 0.1 },
    randomStream(8),
  );
  for (const c of [0, 1, 2]) assertAlmostEquals(colours[c], 0.5, 1e-6);
  assertAlmostEquals(colours[3] + colours[4] + colours[5], 1.2, 0.05);
  assert(Math.abs(colours[3] - 0.5) > 1e-3);
  const bytes = Uint8Array.of(0, 128, 255, 1, 2, 3);
  const { frames } = prepareBatch(
    { ...batch, target: bytes, sources: [bytes, bytes] },
    { flip: 0, jitter: 0, jitterStrength: 0, jitterHue: 0 },
    randomStream(8),
  );
  assertAlmostEquals(frames[0][1], 128 / 255, 1e-7);
});

Deno.test("checkDepthConfig() names the setting that is out of range", () => {
  checkDepthConfig(tinyDepthConfig);
  const wrong: [Partial<DepthConfig>, string][] = [
    [{ scales: 5 }, "scales: expected 1, 2, 3 or 4, got 5"],
    [{ maxDepth: 0.05 }, "maxDepth: expected more than minDepth, got 0.05"],
    [{ lossSize: "pyramid", scales: 3, pyramidLevels: 2 }, "pyramidLevels: expected 3 "],
    [{ batchSize: 0 }, "batchSize"],
    [{ steps: -1 }, "steps"],
    [{ learningRate: NaN }, "learningRate"],
    [{ augmentation: { ...tinyDepthConfig.augmentation, flip: 2 } }, "augmentation.flip"],
  ];
  for (const [change, message] of wrong) {
    assertThrows(() => checkDepthConfig({ ...tinyDepthConfig, ...change }), ConfigError, message);
  }
});
